/** The time limit of `withTimeout`. */
export interface TimeoutOptions {
  /** How long the work may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborting it ends the work too. The signal may live much longer than the work; it keeps no reference to it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work that may hang, such as a request to another machine and the reading of its answer. Rejects with a `DOMException`
 * named `TimeoutError` after `timeoutMs`, or with the reason of `signal` when that is aborted. The work's own signal is
 * aborted at the same moment; work that ignores it is abandoned. An answer's body must be read inside the work, otherwise
 * nothing limits the time that it takes.
 *
 * Use this instead of `AbortSignal.timeout` and `AbortSignal.any`. Node.js 20 holds their signals only weakly: a garbage
 * collection during the request takes the timer with it (https://github.com/nodejs/node/issues/57736), the request waits for
 * ever, and a long-lived signal gathers dependants (https://github.com/nodejs/node/issues/62363). Here the timer is an
 * ordinary one, held until the work ends.
 */
export const withTimeout = async <Result>(
  { timeoutMs, signal: outer }: TimeoutOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  outer?.throwIfAborted();
  const controller = new AbortController();
  let release = (): void => {};
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (reason: unknown): void => {
      // Reject before the abort; otherwise work that turns the abort into a result would win the race.
      reject(reason);
      controller.abort(reason);
    };
    const endByOuterSignal = (): void => end(outer?.reason);
    const timer = setTimeout(
      () => end(new DOMException(`It took longer than ${timeoutMs} ms.`, "TimeoutError")),
      timeoutMs,
    );
    outer?.addEventListener("abort", endByOuterSignal);
    release = () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", endByOuterSignal);
    };
  });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    release();
  }
};

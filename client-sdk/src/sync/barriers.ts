/** Waits until the server has a whole document on its disk. */
export interface Barriers {
  /** Resolves when a barrier that was sent after this call has come back. Throws the error given to `close`. */
  wait(): Promise<void>;
  /**
   * Call it when the server has sent its state vector (step 1) and the answer goes out in this turn. The server sends
   * step 1 again when it dropped an update because of a gap: barriers sent before prove nothing then, and are sent
   * again after the answer.
   */
  answered(): void;
  /** Call it when the connection is gone. Open barriers are sent again on the next one. */
  lost(): void;
  /** Call it when the server has returned a barrier. */
  returned(token: number): void;
  close(error: Error): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Creates the barriers of a document. `send` is called only while there is a connection on which the server has sent
 * step 1.
 */
export const createBarriers = (send: (token: number) => void): Barriers => {
  const waitersByToken = new Map<number, readonly Waiter[]>();
  let unsent: readonly Waiter[] = [];
  let isAnswered = false;
  let lastToken = 0;
  let closedWith: Error | undefined;

  const sendUnsent = (): void => {
    if (!isAnswered || unsent.length === 0) return;
    // A token is never reused: a barrier that comes back late must not count for a later one.
    lastToken += 1;
    waitersByToken.set(lastToken, unsent);
    unsent = [];
    send(lastToken);
  };

  /** Deferred: the provider sends its answer after its handler has returned. */
  const sendInMicrotask = (): void => queueMicrotask(sendUnsent);

  const recall = (): void => {
    unsent = [...Array.from(waitersByToken.values()).flat(), ...unsent];
    waitersByToken.clear();
  };

  return {
    wait: () =>
      new Promise((resolve, reject) => {
        if (closedWith) return reject(closedWith);
        unsent = [...unsent, { resolve, reject }];
        sendInMicrotask();
      }),
    answered: () => {
      isAnswered = true;
      recall();
      sendInMicrotask();
    },
    lost: () => {
      isAnswered = false;
      recall();
    },
    returned: (token) => {
      const waiters = waitersByToken.get(token) ?? [];
      waitersByToken.delete(token);
      for (const { resolve } of waiters) resolve();
    },
    close: (error) => {
      closedWith ??= error;
      isAnswered = false;
      recall();
      for (const { reject } of unsent) reject(error);
      unsent = [];
    },
  };
};

/** What waits until the server has all of a document on its disk. */
export interface Barriers {
  /** Resolves when a barrier has come back that was sent after this was called. Throws what `close` was given. */
  wait(): Promise<void>;
  /**
   * The server said what it has, and the answer goes out in this turn. It says so again when it dropped an update with
   * a gap: what was sent before proves nothing, and is sent again behind the answer.
   */
  answered(): void;
  /** The connection is gone: what waits is sent again on the next one. */
  lost(): void;
  /** The server returned a barrier. */
  returned(token: number): void;
  close(error: Error): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** `send` is called only while there is a connection on which the server knows what this document has. */
export const createBarriers = (send: (token: number) => void): Barriers => {
  const waitersByToken = new Map<number, readonly Waiter[]>();
  let unsent: readonly Waiter[] = [];
  let isAnswered = false;
  let lastToken = 0;
  let closedWith: Error | undefined;

  const sendUnsent = (): void => {
    if (!isAnswered || unsent.length === 0) return;
    // Never used twice: one that comes back late must not stand for a later one.
    lastToken += 1;
    waitersByToken.set(lastToken, unsent);
    unsent = [];
    send(lastToken);
  };

  /** Not at once: the provider sends its answer when its handler has returned. */
  const sendSoon = (): void => queueMicrotask(sendUnsent);

  const recall = (): void => {
    unsent = [...Array.from(waitersByToken.values()).flat(), ...unsent];
    waitersByToken.clear();
  };

  return {
    wait: () =>
      new Promise((resolve, reject) => {
        if (closedWith) return reject(closedWith);
        unsent = [...unsent, { resolve, reject }];
        sendSoon();
      }),
    answered: () => {
      isAnswered = true;
      recall();
      sendSoon();
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

/** Resolves like the promise, or like `onTimeout` if the promise takes longer than `ms` milliseconds. */
export const within = <T>(promise: Promise<T>, ms: number, onTimeout: () => T | Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      new Promise<T>((settle) => settle(onTimeout())).then(resolve, reject);
    }, ms);
    promise.finally(() => clearTimeout(timer)).then(resolve, reject);
  });

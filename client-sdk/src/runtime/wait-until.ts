import type { Clock } from "./clock.ts";
import type { Observable } from "./observable.ts";

/** Waits until a value is as wanted. Returns `false` when it was not within `timeoutMs`. */
export const waitUntil = <Value>(
  observable: Observable<Value>,
  isWanted: (value: Value) => boolean,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (hasCome: boolean): void => {
      cancel();
      unsubscribe();
      resolve(hasCome);
    };
    const check = (): void => {
      if (isWanted(observable.value)) end(true);
    };
    const cancel = clock.after(timeoutMs, () => end(false));
    const unsubscribe = observable.subscribe(check);
    check();
  });

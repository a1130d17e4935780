import type { Clock } from "./clock.ts";
import type { Observable } from "./observable.ts";

/** Waits until a value meets a condition. Returns `false` if it does not within `timeoutMs`. */
export const waitUntil = <Value>(
  observable: Observable<Value>,
  condition: (value: Value) => boolean,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (isMet: boolean): void => {
      cancel();
      unsubscribe();
      resolve(isMet);
    };
    const check = (): void => {
      if (condition(observable.value)) end(true);
    };
    const cancel = clock.after(timeoutMs, () => end(false));
    const unsubscribe = observable.subscribe(check);
    check();
  });

/** Ends a subscription. Calling it twice is not an error. */
export type Unsubscribe = () => void;

/** A value that changes over time and can be subscribed to. */
export interface Observable<Value> {
  /** Never mutated: each change is a new object. */
  readonly value: Value;
  /** Calls the listener after each change, but not immediately. */
  subscribe(listener: () => void): Unsubscribe;
}

/** An observable whose value can be set. */
export interface Subject<Value> extends Observable<Value> {
  /** Calls no listener when the value is the same object. */
  set(value: Value): void;
}

export const createSubject = <Value>(initial: Value): Subject<Value> => {
  const listeners = new Set<() => void>();
  let current = initial;
  return {
    get value() {
      return current;
    },
    set: (value) => {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of listeners) callListener(listener);
    },
    subscribe: (listener) => {
      // A new function for each subscription, so that one listener may subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
};

/** Calls a listener of the app. If it throws, the other listeners still run, and the change stays. */
export const callListener = (listener: () => void): void => {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

/** Computes a value from other observables; it stays the same object while they do. */
export const derive = <Value>(
  sources: readonly Observable<unknown>[],
  compute: () => Value,
): Observable<Value> => {
  let last: { readonly values: readonly unknown[]; readonly value: Value } | undefined;
  return {
    get value() {
      const values = sources.map(({ value }) => value);
      if (!last || last.values.some((one, index) => one !== values[index]))
        last = { values, value: compute() };
      return last.value;
    },
    subscribe: (listener) => {
      const unsubscribes = sources.map((source) => source.subscribe(listener));
      return () => {
        for (const unsubscribe of unsubscribes) unsubscribe();
      };
    },
  };
};

/** Observes a value of the current owner; `none` while there is no owner. */
export const follow = <Owner extends object, Value>(
  owner: Observable<Owner | undefined>,
  select: (owner: Owner) => Observable<Value>,
  none: Value,
): Observable<Value> => ({
  get value() {
    return owner.value ? select(owner.value).value : none;
  },
  subscribe: (listener) => {
    let leave: Unsubscribe | undefined;
    const enter = () => {
      leave?.();
      leave = owner.value && select(owner.value).subscribe(listener);
    };
    const unsubscribe = owner.subscribe(() => {
      enter();
      listener();
    });
    enter();
    return () => {
      unsubscribe();
      leave?.();
    };
  },
});

/** Calls the listener with the value after each change, but not immediately. */
export const watchValue = <Value>(
  observable: Observable<Value>,
  listener: (value: Value) => void,
): Unsubscribe => {
  let last = observable.value;
  return observable.subscribe(() => {
    const { value } = observable;
    if (Object.is(value, last)) return;
    last = value;
    listener(value);
  });
};

/** Calls the listener with the value immediately and after each change. Errors of the listener do not affect the caller. */
export const watchFrom = <Value>(
  observable: Observable<Value>,
  listener: (value: Value) => void,
): Unsubscribe => {
  const unsubscribe = watchValue(observable, listener);
  callListener(() => listener(observable.value));
  return unsubscribe;
};

/** Sets a plain JSON value unless it equals the current one. */
export const setIfDifferent = <Value>(subject: Subject<Value>, value: Value): void => {
  if (JSON.stringify(value) !== JSON.stringify(subject.value)) subject.set(value);
};

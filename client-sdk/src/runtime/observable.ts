/** Stops what it was returned by. Calling it twice is no error. */
export type Unsubscribe = () => void;

/** A value that changes, and says when. */
export interface Observable<Value> {
  /** Never changed in place: a new one is another object. */
  readonly value: Value;
  /** Calls after each change, not at once. */
  subscribe(listener: () => void): Unsubscribe;
}

/** An observable with the means to change it. */
export interface Subject<Value> extends Observable<Value> {
  /** Tells nobody when the value is the same object. */
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
      // Its own entry, so that one function may subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
};

/** A listener of the app that throws must not keep others from hearing, nor undo what was done. */
export const callListener = (listener: () => void): void => {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

/** What is computed from others; the same object as long as they are. */
export const derive = <Value>(
  sources: readonly Observable<unknown>[],
  compute: () => Value,
): Observable<Value> => {
  let last: { readonly of: readonly unknown[]; readonly value: Value } | undefined;
  return {
    get value() {
      const of = sources.map(({ value }) => value);
      if (!last || last.of.some((one, index) => one !== of[index])) last = { of, value: compute() };
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

/** What the present owner has of something; `none` while there is no owner. */
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

/** Calls with the value after each change of it, not at once. */
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

/** Calls with the value at once and after each change. What a listener throws keeps nobody from anything. */
export const watchFrom = <Value>(
  observable: Observable<Value>,
  listener: (value: Value) => void,
): Unsubscribe => {
  const unsubscribe = watchValue(observable, listener);
  callListener(() => listener(observable.value));
  return unsubscribe;
};

/** Sets a value of plain JSON, unless it says what the former one said. */
export const setIfDifferent = <Value>(subject: Subject<Value>, value: Value): void => {
  if (JSON.stringify(value) !== JSON.stringify(subject.value)) subject.set(value);
};

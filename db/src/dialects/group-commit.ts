/** The connection that group commit needs; all methods are synchronous. */
export interface GroupConnection<Tx> {
  begin(): unknown;
  commit(): unknown;
  /** Ends the transaction if there is one. */
  rollback(): unknown;
  savepoint(): unknown;
  releaseSavepoint(): unknown;
  rollbackToSavepoint(): unknown;
  isInTransaction(): boolean;
  /** Creates a handle for one unit of work. `end` makes every later use fail; `committed` runs the tasks of `onCommit`. */
  handle(): { readonly tx: Tx; end(): void; committed(): void };
  /** Translates an error of the driver to `StorageError`; returns any other error unchanged. */
  translate(error: unknown): unknown;
}

/** Commits many units of work with one fsync. */
export interface GroupCommit<Tx> {
  write<T>(unit: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs `task` between two transactions; units that arrive meanwhile wait. */
  between<T>(task: () => Promise<T>): Promise<T>;
  /** Rejects later calls, and resolves when all pending ones have ended. */
  drain(): Promise<void>;
}

/** The most units of work in one transaction; this limits how long the first waits for the last. */
const MAX_GROUP_SIZE = 256;

/**
 * Runs the units of work that arrive within one turn of the event loop in one transaction, each in its own savepoint. A
 * unit that throws is rolled back alone. Promises settle after the commit. After an error it checks whether the transaction
 * still exists: a full disk ends the whole transaction with its savepoints, and later statements would be committed one by
 * one.
 */
export const createGroupCommit = <Tx>(connection: GroupConnection<Tx>): GroupCommit<Tx> => {
  let queue: Pending<Tx>[] = [];
  let isRunning = false;
  let isClosed = false;
  let onIdle: (() => void)[] = [];
  const tasks: (() => Promise<void>)[] = [];

  const run = async (): Promise<void> => {
    while (queue.length > 0 || tasks.length > 0) {
      for (const task of tasks.splice(0)) await task();
      const group = queue.slice(0, MAX_GROUP_SIZE);
      queue = queue.slice(MAX_GROUP_SIZE);
      if (group.length > 0) await runGroup(connection, group);
      // Yield to the event loop; otherwise a caller that awaits one write after another would block it.
      await new Promise(setImmediate);
    }
    isRunning = false;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  const start = (): void => {
    if (isRunning) return;
    isRunning = true;
    // Start after the poll phase, so that units of this turn's other requests join the same group.
    setImmediate(() => void run());
  };

  return {
    write: <T>(unit: (tx: Tx) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (isClosed) return reject(closedError());
        queue.push({ unit, resolve: resolve as (value: unknown) => void, reject });
        start();
      }),
    between: <T>(task: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (isClosed) return reject(closedError());
        tasks.push(() => task().then(resolve, reject));
        start();
      }),
    drain: () => {
      isClosed = true;
      return isRunning ? new Promise((resolve) => onIdle.push(resolve)) : Promise.resolve();
    },
  };
};

const closedError = () => new Error("The database is closed");

interface Pending<Tx> {
  readonly unit: (tx: Tx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const runGroup = async <Tx>(
  connection: GroupConnection<Tx>,
  group: readonly Pending<Tx>[],
): Promise<void> => {
  const settlements: (() => void)[] = [];
  try {
    connection.begin();
    for (const pending of group) settlements.push(await runUnit(connection, pending));
    connection.commit();
  } catch (error) {
    const reason = connection.translate(error);
    rollbackQuietly(connection);
    for (const { reject } of group) reject(reason);
    return;
  }
  for (const settle of settlements) settle();
};

/** Runs one unit and returns the function that settles it after the commit. Throws when the whole group is lost. */
const runUnit = async <Tx>(connection: GroupConnection<Tx>, pending: Pending<Tx>): Promise<() => void> => {
  connection.savepoint();
  const handle = connection.handle();
  try {
    const value = await pending.unit(handle.tx);
    handle.end();
    connection.releaseSavepoint();
    return () => {
      handle.committed();
      pending.resolve(value);
    };
  } catch (error) {
    handle.end();
    if (!connection.isInTransaction()) throw error;
    connection.rollbackToSavepoint();
    connection.releaseSavepoint();
    return () => pending.reject(connection.translate(error));
  }
};

const rollbackQuietly = <Tx>(connection: GroupConnection<Tx>): void => {
  try {
    connection.rollback();
  } catch {
    // The error that led here is the one to report; SQLite has already rolled back.
  }
};

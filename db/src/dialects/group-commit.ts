/** What group commit needs of a database connection; all of it is synchronous. */
export interface GroupConnection<Tx> {
  begin(): unknown;
  commit(): unknown;
  /** Ends the transaction if there is one. */
  rollback(): unknown;
  savepoint(): unknown;
  releaseSavepoint(): unknown;
  rollbackToSavepoint(): unknown;
  isInTransaction(): boolean;
  /** A handle for one unit of work; `end` makes every later use of it fail, `committed` runs what waited for that. */
  handle(): { readonly tx: Tx; end(): void; committed(): void };
  /** Turns a driver's error into one of ours; returns any other as it is. */
  translate(error: unknown): unknown;
}

/** Many units of work, one fsync. */
export interface GroupCommit<Tx> {
  write<T>(unit: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs `task` between two transactions: what is asked for meanwhile waits until it is done. */
  between<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when all that was asked for has ended; later writes are refused. */
  drain(): Promise<void>;
}

/** Units of work in one transaction at the most: bounds how long the first waits for the last. */
const MAX_GROUP_SIZE = 256;

/**
 * Runs the units of work that arrive within one turn of the event loop in one transaction, each in
 * its savepoint. A unit that throws is rolled back alone; promises settle after the commit. After any
 * error the connection is asked whether the transaction still exists: a full disk ends all of it,
 * savepoints included, and what ran on would be committed piecemeal.
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
      // Whoever awaits one write after another would else hold the event loop: its next unit is here by now.
      await new Promise(setImmediate);
    }
    isRunning = false;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  const start = (): void => {
    if (isRunning) return;
    isRunning = true;
    // After the poll phase: what this turn's other requests ask for joins the same group.
    setImmediate(() => void run());
  };

  return {
    write: <T>(unit: (tx: Tx) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (isClosed) return reject(closed());
        queue.push({ unit, resolve: resolve as (value: unknown) => void, reject });
        start();
      }),
    between: <T>(task: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (isClosed) return reject(closed());
        tasks.push(() => task().then(resolve, reject));
        start();
      }),
    drain: () => {
      isClosed = true;
      return isRunning ? new Promise((resolve) => onIdle.push(resolve)) : Promise.resolve();
    },
  };
};

const closed = () => new Error("The database is closed");

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

/** Returns how to settle the unit once the group is committed; throws when the whole group is lost. */
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

import SqliteDriver from "better-sqlite3";

/** The clock, randomness and ids that a restore uses. */
export interface LifeDeps {
  readonly now: number;
  readonly random: (sizeBytes: number) => Uint8Array;
  /** A UUIDv7. */
  readonly newId: (now: number) => string;
}

/** Whether the erasures since the backup could be repeated on it. */
export type Replay =
  | {
      readonly state: "done";
      readonly entries: number;
      /** The students erased since: marked as due here, and erased when the copy is opened. */
      readonly students: number;
    }
  /** There was no database to replace. */
  | { readonly state: "nothing-to-replay" }
  /** The data erased since the backup is readable again. */
  | { readonly state: "impossible"; readonly why: string };

/** The changes that a restore made in a database. */
export interface RestoredIdentity {
  readonly epoch: number;
  readonly sessionsEnded: number;
  readonly segments: number;
  readonly documents: number;
  readonly erasures: Replay;
}

/** The database that is being replaced: its file, or why it cannot be read. */
export type Replaced =
  | { readonly state: "absent" }
  | { readonly state: "readable"; readonly path: string }
  | { readonly state: "unreadable"; readonly why: string };

const MAX_WRITER_ID = 2 ** 32 - 1;

/**
 * Makes a restored copy distinguishable for the clients, in one transaction. It gets the next epoch and a new writer for
 * every segment and document, and it ends all sessions. With the old writer, new content would get numbers that clients
 * already have for other content, and Yjs would never notice. It also carries over from the replaced database what must
 * not be undone: erasures, the writers that clients may name, and the audit log.
 */
export const restoreIdentity = (
  connection: SqliteDriver.Database,
  {
    replaced,
    source,
    deps,
  }: { readonly replaced: Replaced; readonly source: string; readonly deps: LifeDeps },
): RestoredIdentity => {
  const { now, random, newId } = deps;
  const remembered = rememberReplaced(connection, replaced);
  connection.function("new_writer_id", (former: unknown) => drawWriterId(random, former));
  const run = (sql: string, ...values: readonly (string | number)[]): number =>
    connection.prepare(sql).run(...values).changes;

  return connection
    .transaction((): RestoredIdentity => {
      const epoch = Math.max(readEpoch(connection, "main"), remembered.epoch) + 1;
      run("update database_epoch set epoch = ?", epoch);

      run(`insert into log_former_writers (log_id, segment, epoch, writer_id)
           select log_id, segment, epoch, writer_id from log_segments where true on conflict do nothing`);
      // Only for logs in the backup: later logs are gone, so no client can name their writers.
      run(`insert into log_former_writers (log_id, segment, epoch, writer_id)
           select log_id, segment, epoch, writer_id from temp.replaced_writers
           where log_id in (select id from logs) on conflict do nothing`);
      const segments = run("update log_segments set epoch = ?, writer_id = new_writer_id(writer_id)", epoch);
      const documents = run("update documents set epoch = ?, writer_id = new_writer_id(writer_id)", epoch);

      run(`insert into temp.redactions (log_id, segment, entries)
           select log_id, segment, count(*) from log_entries
           where bytes is not null and id in (select id from temp.erased_entries) group by log_id, segment`);
      const entries = run(`update log_entries set bytes = null
                           where bytes is not null and id in (select id from temp.erased_entries)`);
      run(
        `update log_segments set changed_at = ?, redaction_revision = redaction_revision + redactions.entries
         from temp.redactions as redactions
         where redactions.log_id = log_segments.log_id and redactions.segment = log_segments.segment`,
        now,
      );
      const students = replayDeletions(run);
      const erasures: Replay = remembered.erasures ?? { state: "done", entries, students };

      // Pending pushes are outdated, and signed-out devices must not get any.
      for (const table of ["push_receipts", "push_deliveries", "push_events", "push_tokens"])
        if (hasTable(connection, "main", table)) run(`delete from ${table}`);
      const sessionsEnded = run(
        "update sessions set ended_at = ?, end_reason = 'restore' where ended_at is null",
        now,
      );

      run("insert into audit_log select * from temp.replaced_audit where true on conflict do nothing");
      run(
        "insert into audit_log (id, at, action, actor, reason) values (?, ?, 'database.restored', 'admin', ?)",
        newId(now),
        now,
        `from ${source}; epoch ${epoch}; ${sessionsEnded} sessions ended; ${replayToText(erasures)}`,
      );
      return { epoch, sessionsEnded, segments, documents, erasures };
    })
    .immediate();
};

/**
 * Repeats the requests for erasure, and their withdrawals, that came after the backup, and marks the students who were
 * erased since as due. The server deletes their rows later, because only it knows all data of a student.
 */
const replayDeletions = (run: (sql: string, ...values: readonly (string | number)[]) => number): number => {
  run(`update users set erase_at = replaced_users.erase_at from temp.replaced_users as replaced_users
       where replaced_users.id = users.id`);
  run("insert into erasures select * from temp.replaced_erasures where true on conflict do nothing");
  return run("update users set erase_at = 0 where id in (select user_id from temp.replaced_erasures)");
};

/**
 * Copies what must be carried over into temporary tables, all or nothing. It runs before the transaction, because a disk
 * fault in the old file would end the transaction.
 */
const rememberReplaced = (
  connection: SqliteDriver.Database,
  replaced: Replaced,
): { readonly epoch: number; readonly erasures?: Replay } => {
  connection.exec(`
    pragma temp_store = memory;
    create temp table erased_entries (id text primary key);
    create temp table replaced_writers (log_id text, segment integer, epoch integer, writer_id integer);
    create temp table replaced_audit as select * from main.audit_log where false;
    create temp table replaced_users as select id, erase_at from main.users where false;
    create temp table replaced_erasures as select * from main.erasures where false;
    create temp table redactions (log_id text, segment integer, entries integer, primary key (log_id, segment));
  `);
  if (replaced.state === "absent") return { epoch: 0, erasures: { state: "nothing-to-replay" } };
  if (replaced.state === "unreadable")
    return { epoch: 0, erasures: { state: "impossible", why: replaced.why } };
  try {
    connection.prepare("attach database ? as replaced").run(replaced.path);
    if (!hasTable(connection, "replaced", "kysely_migration"))
      return { epoch: 0, erasures: { state: "impossible", why: "it is a database of another program" } };
    connection.transaction(() => copyReplaced(connection))();
    return { epoch: readEpoch(connection, "replaced") };
  } catch (error) {
    if (!(error instanceof SqliteDriver.SqliteError)) throw error;
    connection.exec(`
      delete from temp.erased_entries; delete from temp.replaced_writers; delete from temp.replaced_audit;
      delete from temp.replaced_users; delete from temp.replaced_erasures;
    `);
    return { epoch: 0, erasures: { state: "impossible", why: error.message } };
  }
};

/** Copies from each table that the replaced database has; an older schema lacks some of them. */
const copyReplaced = (connection: SqliteDriver.Database): void => {
  const copies = {
    log_entries: "insert into erased_entries select id from replaced.log_entries where bytes is null",
    log_segments:
      "insert into replaced_writers select log_id, segment, epoch, writer_id from replaced.log_segments",
    log_former_writers:
      "insert into replaced_writers select log_id, segment, epoch, writer_id from replaced.log_former_writers",
    audit_log: `insert into replaced_audit (id, at, action, actor, user_id, session_id, phone, ip, reason)
                select id, at, action, actor, user_id, session_id, phone, ip, reason from replaced.audit_log
                where id not in (select id from main.audit_log)`,
    // The column `erase_at` exists exactly when the table of erasures does.
    erasures: `insert into replaced_erasures (user_id, phone, begun_at, done_at, scrubbed_at)
               select user_id, phone, begun_at, done_at, scrubbed_at from replaced.erasures;
               insert into replaced_users (id, erase_at) select id, erase_at from replaced.users
               where erase_at is not null or id in (select id from main.users where erase_at is not null)`,
  };
  for (const [table, sql] of Object.entries(copies))
    if (hasTable(connection, "replaced", table)) connection.exec(sql);
};

const readEpoch = (connection: SqliteDriver.Database, schema: Schema): number =>
  hasTable(connection, schema, "database_epoch")
    ? (connection.prepare<[], number>(`select epoch from ${schema}.database_epoch`).pluck().get() ?? 0)
    : 0;

type Schema = "main" | "replaced";

const hasTable = (connection: SqliteDriver.Database, schema: Schema, name: string): boolean =>
  connection.prepare(`select 1 from ${schema}.sqlite_schema where type = 'table' and name = ?`).get(name) !==
  undefined;

const drawWriterId = (random: LifeDeps["random"], former: unknown): number => {
  const drawn = Buffer.from(random(4)).readUInt32BE();
  return drawn >= 1 && drawn <= MAX_WRITER_ID && drawn !== former ? drawn : drawWriterId(random, former);
};

const replayToText = (replay: Replay): string => {
  switch (replay.state) {
    case "done":
      return `${replay.entries} entries and ${replay.students} students erased again`;
    case "nothing-to-replay":
      return "no database was replaced";
    case "impossible":
      return "erasures made since the backup could not be read";
  }
};

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { openDatabase, prepare, sql, type Database, type UnitOfWork } from "@edvoyage/db";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, rowsOf, emptyDatabase, writeRows } from "../support/databases/databases.ts";
import { until } from "../support/network/sync-client.ts";

const addToMinute = prepare<{ minute: number; count: number }>()((query, param) =>
  query.insertInto("send_minutes").values({ minute: param.minute, count: param.count }),
);
const minutes = prepare<{ since: number }>()((query, param) =>
  query
    .selectFrom("send_minutes")
    .select(["minute", "count"])
    .where("minute", ">=", param.since)
    .orderBy("minute"),
);

const open = async (): Promise<{ database: Database; url: string }> => {
  const url = await emptyDatabase("postgres");
  return { database: await openFor(url), url };
};

const openFor = async (url: string): Promise<Database> => {
  const database = await openDatabase(url);
  onTestFinished(() => database.close());
  return database;
};

const backendOf = async (tx: Pick<UnitOfWork, "kysely">): Promise<number> => {
  const { pid } = await tx.kysely
    .selectNoFrom(sql<number>`pg_backend_pid()`.as("pid"))
    .executeTakeFirstOrThrow();
  return pid;
};

/** Ends a backend and waits until it has exited. */
const terminate = (url: string, pid: number): Promise<unknown> =>
  rowsOf(url, `select pg_terminate_backend(${pid}, 10000)`);

/** Ends the backend that runs this query, during the query. */
const terminateMyself = (tx: Pick<UnitOfWork, "kysely">): Promise<unknown> =>
  tx.kysely
    .selectNoFrom(sql`pg_terminate_backend(pg_backend_pid()) and pg_sleep(10) is null`.as("ended"))
    .execute();

const TERMINATE_ALL =
  "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

/** Ends all backends of a database while this process is blocked, so that its pool does not notice. */
const terminateAllUnnoticed = (url: string): void => {
  const program = `
    import pg from "pg";
    const client = new pg.Client({ connectionString: process.argv[1] });
    await client.connect();
    await client.query(process.argv[2]);
    await client.end();`;
  const cwd = new URL("..", import.meta.url);
  execFileSync(process.execPath, ["--input-type=module", "-e", program, url, TERMINATE_ALL], { cwd });
};

/** Creates a proxy to PostgreSQL that can cut the connection of the next commit before its answer arrives. */
const createProxy = async (url: string) => {
  const target = new URL(url);
  let cutsNextCommit = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    let isCut = false;
    client.on("data", (bytes) => {
      if (cutsNextCommit && bytes.includes("commit\0")) {
        cutsNextCommit = false;
        isCut = true;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      // PostgreSQL has answered, so it has committed.
      if (isCut) client.resetAndDestroy();
      else client.write(bytes);
    });
    client.on("close", () => upstream.end());
    upstream.on("close", () => client.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const proxied = new URL(url);
  proxied.port = String((server.address() as AddressInfo).port);
  return { url: proxied.href, cutNextCommit: () => void (cutsNextCommit = true) };
};

/** Creates the function `fail('<SQLSTATE>')`, a query that fails with this code. */
const createFail = (url: string): Promise<void> =>
  writeRows(
    url,
    `create function fail(code text) returns int language plpgsql as
     $$ begin raise exception 'made to fail' using errcode = code; end $$`,
  );

// Without PostgreSQL, the setup prints what was not run (databases.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("a lost connection to PostgreSQL", () => {
  test("makes a unit run again when it is lost between two queries, and the unit is stored once", async () => {
    const { database, url } = await open();
    let runs = 0;

    await database.write(async (tx) => {
      runs += 1;
      await tx.all(addToMinute, { minute: 1, count: 5 });
      if (runs === 1) await terminate(url, await backendOf(tx));
      await tx.all(addToMinute, { minute: 2, count: 5 });
    });

    expect(runs).toBe(2);
    expect(await database.read.all(minutes, { since: 0 })).toEqual([
      { minute: 1, count: 5 },
      { minute: 2, count: 5 },
    ]);
  });

  test("makes a unit run again when it is lost after the last query, because the unit is not committed", async () => {
    const { database, url } = await open();
    let runs = 0;

    await database.write(async (tx) => {
      runs += 1;
      await tx.all(addToMinute, { minute: 1, count: runs });
      if (runs === 1) await terminate(url, await backendOf(tx));
    });

    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 2 }]);
  });

  test("makes a unit run again when it is lost during a query", async () => {
    const { database } = await open();
    let runs = 0;

    await database.write(async (tx) => {
      runs += 1;
      await tx.all(addToMinute, { minute: 1, count: runs });
      if (runs === 1) await terminateMyself(tx);
    });

    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 2 }]);
  });

  test("makes a unit run again when it is lost while the unit waits for a lock", async () => {
    const { database, url } = await open();
    let runs = 0;
    let backend = 0;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const holding = database.write(async (tx) => {
      await tx.lock("one");
      await released;
    });

    const waiting = database.write(async (tx) => {
      runs += 1;
      backend = await backendOf(tx);
      await tx.lock("one");
      await tx.all(addToMinute, { minute: 1, count: runs });
    });
    await until(async () => {
      const found = await rowsOf(url, `select pid from pg_locks where pid = ${backend} and not granted`);
      return found.length > 0;
    });
    await terminate(url, backend);
    release();
    await Promise.all([holding, waiting]);

    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 2 }]);
  });

  test("fails a unit that loses it at both runs, and the next unit works", async () => {
    const { database } = await open();
    let runs = 0;

    const writing = database.write(async (tx) => {
      runs += 1;
      await tx.all(addToMinute, { minute: 1, count: 1 });
      await terminateMyself(tx);
    });

    await expect(writing).rejects.toMatchObject({ kind: "unavailable", outcome: "unchanged" });
    expect(runs).toBe(2);
    await database.write((tx) => tx.all(addToMinute, { minute: 2, count: 1 }));
    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 2, count: 1 }]);
  });

  test("has no effect if it was idle: units and reads work at once, even when all connections are lost", async () => {
    const { database, url } = await open();
    const writeMany = (since: number) =>
      Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          database.write((tx) => tx.all(addToMinute, { minute: since + index, count: 1 })),
        ),
      );
    await writeMany(0);

    terminateAllUnnoticed(url);
    const reading = Promise.all(Array.from({ length: 30 }, () => database.read.all(minutes, { since: 29 })));
    await Promise.all([writeMany(100), reading]);

    expect((await reading).map((rows) => rows[0])).toEqual(
      Array.from({ length: 30 }, () => ({ minute: 29, count: 1 })),
    );
    expect(await database.read.all(minutes, { since: 0 })).toHaveLength(60);
  });

  test.each([
    ["prepared", (database: Database) => database.read.all(minutes, { since: 0 })],
    [
      "built",
      (database: Database) =>
        database.read.kysely.selectFrom("send_minutes").select(["minute", "count"]).execute(),
    ],
  ])("makes a %s read run again", async (_kind, read) => {
    const { database, url } = await open();
    await database.write((tx) => tx.all(addToMinute, { minute: 1, count: 5 }));
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    onTestFinished(() => blocker.end());
    await blocker.query("begin; lock table send_minutes in access exclusive mode");
    const waiting = "select pid from pg_locks where relation = 'send_minutes'::regclass and not granted";

    const reading = read(database);
    await until(async () => (await rowsOf(url, waiting)).length > 0);
    await rowsOf(url, `select pg_terminate_backend(pid, 10000) from (${waiting}) waiting`);
    await blocker.query("rollback");

    expect(await reading).toEqual([{ minute: 1, count: 5 }]);
  });

  test("fails a read that loses it at every try, and the next read works", async () => {
    const { database } = await open();

    await expect(terminateMyself(database.read)).rejects.toMatchObject({ kind: "unavailable" });

    expect(await database.read.all(minutes, { since: 0 })).toEqual([]);
  });

  test("leaves the outcome unknown during a commit that is rolled back, and the unit does not run again", async () => {
    const { database, url } = await open();
    await writeRows(
      url,
      `create function end_backend() returns trigger language plpgsql as
         $$ begin perform pg_terminate_backend(pg_backend_pid()), pg_sleep(10); return null; end $$;
       create constraint trigger end_backend after insert on send_minutes
         deferrable initially deferred for each row execute function end_backend()`,
    );
    let runs = 0;
    let committed = 0;

    const writing = database.write(async (tx) => {
      runs += 1;
      tx.onCommit(() => (committed += 1));
      await tx.all(addToMinute, { minute: 1, count: 1 });
    });

    await expect(writing).rejects.toMatchObject({ kind: "unavailable", outcome: "unknown" });
    expect({ runs, committed }).toEqual({ runs: 1, committed: 0 });
    expect(await database.read.all(minutes, { since: 0 })).toEqual([]);
    await database.ping(1);
  });

  test("leaves the outcome unknown between a commit and its answer, and the unit is stored once", async () => {
    const proxy = await createProxy(await emptyDatabase("postgres"));
    const database = await openFor(proxy.url);
    let runs = 0;

    proxy.cutNextCommit();
    const writing = database.write(async (tx) => {
      runs += 1;
      await tx.all(addToMinute, { minute: runs, count: 1 });
    });

    await expect(writing).rejects.toMatchObject({ kind: "unavailable", outcome: "unknown" });
    expect(runs).toBe(1);
    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 1 }]);
  });

  test("makes everything fail until it can be replaced, and then everything works at once", async () => {
    const { database, url } = await open();
    const name = new URL(url).pathname.slice(1);
    const other = url.replace(/[^/]+$/, "postgres");
    const endAll = `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${name}'`;
    const write = () => database.write((tx) => tx.all(addToMinute, { minute: 1, count: 1 }));

    await writeRows(other, `alter database ${name} allow_connections false`);
    await rowsOf(other, endAll);
    const refused = await Promise.allSettled([
      write(),
      database.read.all(minutes, { since: 0 }),
      database.ping(1),
      database.sizeBytes(),
      database.scrub(),
    ]);
    const unavailable = { status: "rejected", reason: expect.objectContaining({ kind: "unavailable" }) };
    expect(refused).toEqual(refused.map(() => unavailable));
    await writeRows(other, `alter database ${name} allow_connections true`);

    await write();
    expect(await database.read.all(minutes, { since: 0 })).toHaveLength(1);
  });

  test("gets replaced when its server has become read-only, so that the next one may reach the new primary", async () => {
    const { database, url } = await open();
    const name = new URL(url).pathname.slice(1);
    const write = () => database.write((tx) => tx.all(addToMinute, { minute: 1, count: 1 }));

    await writeRows(url, `alter database ${name} set default_transaction_read_only = on`);
    await rowsOf(url, TERMINATE_ALL);
    await expect(write()).rejects.toMatchObject({ kind: "unavailable", outcome: "unchanged" });
    await writeRows(
      url,
      `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
    );

    await write();
    expect(await database.read.all(minutes, { since: 0 })).toHaveLength(1);
  });
});

describe.skipIf(!DIALECTS.includes("postgres"))("an error of PostgreSQL", () => {
  test.each([
    ["a serialisation failure", "40001", { runs: 5, kind: "unavailable" }],
    ["a deadlock", "40P01", { runs: 5, kind: "unavailable" }],
    ["a statement that was cancelled", "57014", { runs: 1, kind: "unavailable" }],
    ["no memory", "53200", { runs: 1, kind: "unavailable" }],
    ["a disk that cannot be read", "58030", { runs: 1, kind: "unavailable" }],
    ["a full disk", "53100", { runs: 1, kind: "full" }],
    ["a shutdown", "57P01", { runs: 2, kind: "unavailable" }],
    ["a crash of another session", "57P02", { runs: 2, kind: "unavailable" }],
    ["a session that did nothing for too long", "25P03", { runs: 2, kind: "unavailable" }],
    ["a protocol violation of a pooler", "08P01", { runs: 2, kind: "unavailable" }],
    ["a violated constraint", "23505", { runs: 1, kind: undefined }],
  ])("has a kind that a caller can act on when it is %s", async (_what, code, expected) => {
    const { database, url } = await open();
    await createFail(url);
    let runs = 0;

    const failure: unknown = await database
      .write(async (tx) => {
        runs += 1;
        await tx.kysely.selectNoFrom(sql`fail(${code})`.as("failed")).execute();
      })
      .catch((error: unknown) => error);

    const kind = failure instanceof Error && "kind" in failure ? failure.kind : undefined;
    expect({ runs, kind }).toEqual(expected);
    await database.ping(1);
  });

  test("never counts as a commit when a unit ignores it", async () => {
    const { database, url } = await open();
    await createFail(url);

    const writing = database.write(async (tx) => {
      await tx.all(addToMinute, { minute: 1, count: 1 });
      await tx.kysely
        .selectNoFrom(sql`fail('23505')`.as("failed"))
        .execute()
        .catch(() => {});
    });

    await expect(writing).rejects.toThrow("rolled back");
    expect(await database.read.all(minutes, { since: 0 })).toEqual([]);
  });
});

test("an unreachable PostgreSQL is reported as unavailable", async () => {
  await expect(openDatabase("postgres://nobody@127.0.0.1:1/none")).rejects.toMatchObject({
    name: "StorageError",
    kind: "unavailable",
  });
});

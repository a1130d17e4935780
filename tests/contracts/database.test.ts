import { openDatabase, prepare, type Database } from "@edvoyage/db";
import Sqlite from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, emptyDatabase, type TestDialect } from "../support/databases/databases.ts";

const addToMinute = prepare<{ minute: number; count: number }>()((query, param) =>
  query
    .insertInto("send_minutes")
    .values({ minute: param.minute, count: param.count })
    .onConflict((conflict) =>
      conflict
        .column("minute")
        .doUpdateSet((eb) => ({ count: eb("send_minutes.count", "+", eb.ref("excluded.count")) })),
    )
    .returning("count"),
);
const minutes = prepare<{ since: number }>()((query, param) =>
  query
    .selectFrom("send_minutes")
    .select(["minute", "count"])
    .where("minute", ">=", param.since)
    .orderBy("minute"),
);

const open = async (dialect: TestDialect): Promise<{ database: Database; url: string }> => {
  const url = await emptyDatabase(dialect);
  const database = await openDatabase(url);
  onTestFinished(() => database.close().catch(() => {}));
  return { database, url };
};

const gate = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
};

describe.each(DIALECTS)("the database contract, on %s", (dialect) => {
  test("a unit's writes are visible to readers when its promise resolves", async () => {
    const { database } = await open(dialect);

    const written = await database.write((tx) => tx.first(addToMinute, { minute: 1, count: 5 }));

    expect(written).toEqual({ count: 5 });
    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 5 }]);
  });

  test("a unit that throws writes nothing, and does not affect units in the same commit", async () => {
    const { database } = await open(dialect);
    const failure = new Error("changed its mind");

    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((minute) =>
        database.write(async (tx) => {
          await tx.first(addToMinute, { minute, count: 1 });
          if (minute === 2) throw failure;
          return minute;
        }),
      ),
    );

    expect(outcomes).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: failure },
      { status: "fulfilled", value: 3 },
    ]);
    expect((await database.read.all(minutes, { since: 0 })).map(({ minute }) => minute)).toEqual([1, 3]);
  });

  test("a query that fails rejects only its own unit", async () => {
    const { database } = await open(dialect);

    const outcomes = await Promise.allSettled([
      database.write((tx) => tx.kysely.insertInto("heartbeat").values({ id: 7, at: 1 }).execute()),
      database.write((tx) => tx.kysely.insertInto("heartbeat").values({ id: 7, at: 2 }).execute()),
      database.write((tx) => tx.kysely.insertInto("heartbeat").values({ id: 8, at: 3 }).execute()),
    ]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });

  test("readers do not see an unfinished unit, and do not wait for it", async () => {
    const { database } = await open(dialect);
    const held = gate();
    const hasWritten = gate();

    const writing = database.write(async (tx) => {
      await tx.first(addToMinute, { minute: 1, count: 1 });
      hasWritten.open();
      await held.opened;
    });
    await hasWritten.opened;
    const seen = await database.read.all(minutes, { since: 0 });
    held.open();
    await writing;

    expect(seen).toEqual([]);
    expect(await database.read.all(minutes, { since: 0 })).toHaveLength(1);
  });

  test("concurrent units lose no update", async () => {
    const { database } = await open(dialect);

    await Promise.all(
      Array.from({ length: 200 }, () =>
        database.write((tx) => tx.first(addToMinute, { minute: 1, count: 1 })),
      ),
    );

    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 200 }]);
  });

  test("units that hold the same lock run one after the other", async () => {
    const { database } = await open(dialect);

    // Each unit writes a value that depends on what it read: without the lock, two units would read the same value.
    await Promise.all(
      Array.from({ length: 50 }, () =>
        database.write(async (tx) => {
          await tx.lock("one at a time");
          const count = (await tx.all(minutes, { since: 0 }))[0]?.count ?? 0;
          await tx.kysely.deleteFrom("send_minutes").execute();
          await tx.kysely
            .insertInto("send_minutes")
            .values({ minute: 1, count: count + 1 })
            .execute();
        }),
      ),
    );

    expect(await database.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 50 }]);
  });

  test("units that lock in opposite orders both complete", async () => {
    const { database } = await open(dialect);

    const ends = await Promise.all(
      [
        ["a", "b"],
        ["b", "a"],
      ].map((keys) =>
        database.write(async (tx) => {
          for (const key of keys) {
            await tx.lock(key);
            await tx.kysely.selectFrom("heartbeat").selectAll().execute();
          }
          return "ended";
        }),
      ),
    );

    expect(ends).toEqual(["ended", "ended"]);
  });

  test("a unit of work can do nothing after its promise has settled", async () => {
    const { database } = await open(dialect);
    let escaped: Parameters<Parameters<Database["write"]>[0]>[0] | undefined;

    await database.write(async (tx) => {
      escaped = tx;
    });

    await expect(escaped?.all(addToMinute, { minute: 1, count: 1 })).rejects.toThrow("after its end");
    expect(await database.read.all(minutes, { since: 0 })).toEqual([]);
  });

  test("commit callbacks run after the commit and before the promise resolves, only for committed units", async () => {
    const { database } = await open(dialect);
    const ran: string[] = [];
    const unit = (name: string, fails = false) =>
      database
        .write(async (tx) => {
          await tx.first(addToMinute, { minute: 1, count: 1 });
          tx.onCommit(() => void ran.push(`${name} is committed`));
          await tx.all(minutes, { since: 0 });
          ran.push(`${name} ran`);
          if (fails) throw new Error("changed its mind");
        })
        .then(
          () => void ran.push(`${name} has resolved`),
          () => void ran.push(`${name} failed`),
        );

    await unit("one");
    await unit("two", true);
    await unit("three");

    const [one, three] = ["one", "three"].map((name) => [
      `${name} ran`,
      `${name} is committed`,
      `${name} has resolved`,
    ]);
    expect(ran).toEqual([...(one ?? []), "two ran", "two failed", ...(three ?? [])]);
  });

  test("a commit callback sees the committed data", async () => {
    const { database } = await open(dialect);
    let seen: Promise<unknown> | undefined;

    await database.write(async (tx) => {
      await tx.first(addToMinute, { minute: 1, count: 5 });
      tx.onCommit(() => {
        seen = database.read.all(minutes, { since: 0 });
      });
    });

    expect(await seen).toEqual([{ minute: 1, count: 5 }]);
  });

  test.runIf(dialect === "postgres")("a commit callback runs once for a unit that ran twice", async () => {
    const { database } = await open(dialect);
    const both = gate();
    let holders = 0;
    let runs = 0;
    const committed: string[] = [];

    await Promise.all(
      [
        ["a", "b"],
        ["b", "a"],
      ].map(([first = "", second = ""]) =>
        database.write(async (tx) => {
          runs += 1;
          tx.onCommit(() => void committed.push(first));
          await tx.lock(first);
          if ((holders += 1) === 2) both.open();
          await both.opened;
          await tx.lock(second);
        }),
      ),
    );

    expect(runs).toBe(3);
    expect(committed.sort()).toEqual(["a", "b"]);
  });

  test("a prepared query names its missing parameter", async () => {
    const { database } = await open(dialect);

    const incomplete = database.read.all(minutes, {} as { since: number });

    await expect(incomplete).rejects.toThrow('"since"');
  });

  test("a reopened database still has its data", async () => {
    const { database, url } = await open(dialect);
    await database.write((tx) => tx.first(addToMinute, { minute: 1, count: 5 }));
    await database.close();

    const again = await openDatabase(url);
    onTestFinished(() => again.close());

    expect(await again.read.all(minutes, { since: 0 })).toEqual([{ minute: 1, count: 5 }]);
  });

  test("closing waits for pending writes", async () => {
    const { database, url } = await open(dialect);

    const writing = database.write((tx) => tx.first(addToMinute, { minute: 1, count: 5 }));
    await Promise.all([writing, database.close()]);

    const again = await openDatabase(url);
    onTestFinished(() => again.close());
    expect(await again.read.all(minutes, { since: 0 })).toHaveLength(1);
  });

  test("the audit log accepts new entries and no changes", async () => {
    const { database } = await open(dialect);
    const entry = {
      id: "1",
      at: 1,
      action: "x",
      actor: "admin",
      user_id: null,
      session_id: null,
      phone: null,
      ip: null,
      reason: null,
    };
    await database.write((tx) => tx.kysely.insertInto("audit_log").values(entry).execute());

    const update = database.write((tx) => tx.kysely.updateTable("audit_log").set({ at: 2 }).execute());
    await expect(update).rejects.toThrow("append-only");
    const removal = database.write((tx) => tx.kysely.deleteFrom("audit_log").execute());
    await expect(removal).rejects.toThrow("append-only");

    expect(await database.read.kysely.selectFrom("audit_log").selectAll().execute()).toEqual([entry]);
  });

  test("the audit log allows removing an IP address, and nothing else together with it", async () => {
    const { database } = await open(dialect);
    const entry = {
      id: "a",
      at: 1,
      action: "x",
      actor: "device",
      user_id: "u",
      session_id: "s",
      phone: "+91••••••3210",
      ip: "192.0.2.1",
      reason: "r",
    };
    await database.write((tx) => tx.kysely.insertInto("audit_log").values(entry).execute());
    const update = (columns: Readonly<Record<string, string | number | null>>) =>
      database.write((tx) => tx.kysely.updateTable("audit_log").set(columns).execute());

    await expect(update({ ip: "192.0.2.2" })).rejects.toThrow("append-only");
    for (const column of ["id", "action", "actor", "user_id", "session_id", "phone", "reason"])
      await expect(update({ ip: null, [column]: "other" }), column).rejects.toThrow("append-only");
    await expect(update({ ip: null, at: 2 })).rejects.toThrow("append-only");
    await expect(update({ ip: null, reason: null })).rejects.toThrow("append-only");
    await update({ ip: null });

    expect(await database.read.kysely.selectFrom("audit_log").selectAll().execute()).toEqual([
      { ...entry, ip: null },
    ]);
    await expect(update({ ip: "192.0.2.1" })).rejects.toThrow("append-only");
  });

  test("a ping checks that writes work by making one", async () => {
    const { database } = await open(dialect);

    await database.ping(1234);

    expect(
      await database.read.kysely.selectFrom("heartbeat").select("at").where("id", "=", 1).execute(),
    ).toEqual([{ at: 1234 }]);
  });
});

describe("SQLite only", () => {
  test("a file that one process has open cannot be opened by another until it is closed", async () => {
    const { database, url } = await open("sqlite");

    await expect(openDatabase(url)).rejects.toMatchObject({ kind: "locked" });
    await database.close();

    await (await openDatabase(url)).close();
  });

  test("the facts name the journal and the synchronous level that the writing connection has", async () => {
    const { database } = await open("sqlite");

    expect(database.facts["durability"]).toBe("WAL, synchronous=FULL");
  });

  test("the file is in WAL mode and passes the integrity check", async () => {
    const { url } = await open("sqlite");

    const raw = new Sqlite(url.slice("sqlite:".length), { readonly: true });
    onTestFinished(() => void raw.close());

    expect(raw.pragma("journal_mode", { simple: true })).toBe("wal");
    expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
  });

  test("a database with a newer schema than this program knows is left unchanged", async () => {
    const { database, url } = await open("sqlite");
    await database.close();
    const raw = new Sqlite(url.slice("sqlite:".length));
    raw.exec("insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030')");
    raw.close();

    await expect(openDatabase(url)).rejects.toThrow("9999-from-the-future");
  });
});

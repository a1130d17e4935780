import Sqlite from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { createGroupCommit, type GroupConnection } from "./group-commit.ts";

/** Creates a real connection that records the statements it gets. */
const createRecordedConnection = (setUp = "") => {
  const sqlite = new Sqlite(":memory:");
  sqlite.exec(`create table notes (text text not null); ${setUp}`);
  onTestFinished(() => void sqlite.close());
  const statements: string[] = [];
  const exec = (statement: string) => () => {
    statements.push(statement);
    if (statement !== "rollback" || sqlite.inTransaction) sqlite.exec(statement);
  };
  const connection: GroupConnection<Sqlite.Database> = {
    begin: exec("begin immediate"),
    commit: exec("commit"),
    rollback: exec("rollback"),
    savepoint: exec("savepoint unit"),
    releaseSavepoint: exec("release unit"),
    rollbackToSavepoint: exec("rollback to unit"),
    isInTransaction: () => sqlite.inTransaction,
    handle: () => ({ tx: sqlite, end: () => {}, committed: () => {} }),
    translate: (error) => error,
  };
  const notes = (): unknown[] => sqlite.prepare("select text from notes order by rowid").pluck().all();
  return { connection, statements, notes, group: createGroupCommit(connection) };
};

const add = (text: string | null) => async (tx: Sqlite.Database) => {
  tx.prepare("insert into notes values (?)").run(text);
  return text;
};

test("runs units from one turn of the event loop in one transaction, each in a savepoint", async () => {
  const { group, statements, notes } = createRecordedConnection();

  const written = await Promise.all(["a", "b", "c"].map((text) => group.write(add(text))));

  expect(written).toEqual(["a", "b", "c"]);
  const unit = ["savepoint unit", "release unit"];
  expect(statements).toEqual(["begin immediate", ...unit, ...unit, ...unit, "commit"]);
  expect(notes()).toEqual(["a", "b", "c"]);
});

test("settles no promise before the commit, not even that of a failed unit", async () => {
  const { group, statements } = createRecordedConnection();
  const settledAfter: (string | undefined)[] = [];
  const note = (): void => void settledAfter.push(statements.at(-1));

  await Promise.all([
    group.write(add("a")).then(note),
    group.write(add(null)).catch(note),
    group.write(add("c")).then(note),
  ]);

  expect(settledAfter).toEqual(["commit", "commit", "commit"]);
});

test("rolls a failed unit back to its savepoint and keeps the others", async () => {
  const { group, notes } = createRecordedConnection();

  const outcomes = await Promise.allSettled([
    group.write(add("a")),
    group.write(async (tx) => {
      await add("half")(tx);
      throw new Error("changed its mind");
    }),
    group.write(add("c")),
  ]);

  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(notes()).toEqual(["a", "c"]);
});

test("rejects every unit of a group when the disk fills up, and runs the next group", async () => {
  // 64 pages of 4 KiB: the second unit does not fit, and SQLite ends the transaction by itself.
  const { group, notes, statements } = createRecordedConnection("pragma max_page_count = 64");
  const tooMuch = "x".repeat(1_000_000);
  const ran: string[] = [];

  const outcomes = await Promise.allSettled([
    group.write(add("a")),
    group.write(add(tooMuch)),
    group.write(async (tx) => {
      ran.push("c");
      return add("c")(tx);
    }),
  ]);

  const wasEndedBySqlite = !statements.includes("rollback to unit");
  if (wasEndedBySqlite) {
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(ran).toEqual([]);
    expect(notes()).toEqual([]);
  } else {
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(notes()).toEqual(["a", "c"]);
  }
  await group.write(add("again"));
  expect(notes()).toContain("again");
});

test("runs no further unit and rejects all when an error has ended the transaction", async () => {
  const { group, statements, notes } = createRecordedConnection();
  const ran: string[] = [];

  const outcomes = await Promise.allSettled([
    group.write(add("a")),
    group.write(async (tx) => {
      // SQLite does this by itself on SQLITE_FULL and SQLITE_IOERR.
      tx.exec("rollback");
      throw new Error("disk full");
    }),
    group.write(async (tx) => {
      ran.push("c");
      return add("c")(tx);
    }),
  ]);

  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(ran).toEqual([]);
  expect(statements).not.toContain("commit");
  expect(notes()).toEqual([]);
  expect(await group.write(add("again"))).toBe("again");
});

test("rejects every unit of a group when its commit fails", async () => {
  const { connection, notes } = createRecordedConnection();
  const failure = new Error("commit failed");
  let commits = 0;
  const group = createGroupCommit({
    ...connection,
    commit: () => {
      commits += 1;
      if (commits === 1) throw failure;
      connection.commit();
    },
  });

  const outcomes = await Promise.allSettled([group.write(add("a")), group.write(add("b"))]);

  expect(outcomes).toEqual([
    { status: "rejected", reason: failure },
    { status: "rejected", reason: failure },
  ]);
  expect(await group.write(add("c"))).toBe("c");
  expect(notes()).toEqual(["c"]);
});

test("finishes pending units and rejects later ones when it drains", async () => {
  const { group, notes } = createRecordedConnection();
  const writing = group.write(add("a"));

  await group.drain();

  expect(notes()).toEqual(["a"]);
  await expect(writing).resolves.toBe("a");
  await expect(group.write(add("b"))).rejects.toThrow("closed");
  await expect(group.between(async () => "late")).rejects.toBeInstanceOf(Error);
});

test("splits 257 waiting units into two transactions", async () => {
  const { group, statements, notes } = createRecordedConnection();

  await Promise.all(Array.from({ length: 257 }, (_, index) => group.write(add(`${index}`))));

  expect(statements.filter((statement) => statement === "commit")).toHaveLength(2);
  expect(statements.lastIndexOf("begin immediate")).toBe(statements.indexOf("commit") + 1);
  expect(notes()).toHaveLength(257);
});

test("runs a unit that arrives during a transaction in the next one, and a unit that arrives when idle", async () => {
  const { group, statements, notes } = createRecordedConnection();
  let second: Promise<unknown> = Promise.resolve();

  await group.write(async (tx) => {
    second = group.write(add("b"));
    // Two turns of the event loop, in which a second run would begin a transaction inside this one.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    return add("a")(tx);
  });
  await second;
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  await group.write(add("c"));

  expect(statements.filter((statement) => statement === "commit")).toHaveLength(3);
  expect(notes()).toEqual(["a", "b", "c"]);
});

test("runs a task between two transactions, and only units that arrive later wait for it", async () => {
  const { group, statements, notes } = createRecordedConnection();

  const outcome = await group.between(async () => {
    void group.write(add("a"));
    await new Promise(setImmediate);
    return statements.length;
  });
  const failed = group.between(async () => {
    throw new Error("no space");
  });
  await expect(failed).rejects.toThrow("no space");
  await group.drain();

  expect(outcome).toBe(0);
  expect(statements).toEqual(["begin immediate", "savepoint unit", "release unit", "commit"]);
  expect(notes()).toEqual(["a"]);
});

test("lets the event loop run while a caller writes again and again", async () => {
  const { group } = createRecordedConnection();
  let hasFired = false;
  const timer = new Promise<void>((resolve) =>
    setTimeout(() => {
      hasFired = true;
      resolve();
    }, 0),
  );

  let writes = 0;
  while (!hasFired && writes < 10_000) {
    await group.write(add("a"));
    writes += 1;
  }
  await timer;

  expect(writes).toBeLessThan(10_000);
});

import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf, type TestDialect } from "../support/databases/databases.ts";
import { createWorld } from "../support/servers/world.ts";

/** Tables with data about a student that the account export leaves out, and the reason. */
const notExported: Readonly<Record<string, string>> = {
  area_changes: "when each area changed: every part of the export says this itself",
  audit_log: "the record of who did what, which is the operator's",
  challenges: "requests for a code, deleted a day later",
  commands: "only ids of what the other parts contain",
  contact_number_allowances: "how many numbers may still be added",
  erasures: "only ids of erased students",
  phone_devices: "devices known for a number, to keep it safe; the sessions list the devices",
  push_dead_letters: "failed pushes without their texts, for the operator",
  push_deliveries: "pushes in progress, kept for minutes",
  push_events: "events that become pushes, kept for seconds",
  push_receipts: "open questions to a push provider, kept for a day",
  push_tokens: "addresses at a push provider; the sessions list the devices",
  social_counts: "counts of what the other parts contain",
  sends: "messages with codes of the last 30 days, counted to keep the number safe",
  wrong_codes: "wrong codes of the last 30 days, counted to keep the number safe",
};

/** Columns that name a student or a device, whether or not they reference a row. */
const PERSONAL =
  /(^|_)(user|owner|author|actor|contact|peer|student|follower|followed|followee)_id$|_by$|^(phone|ip|direct_key)$/;
/** References that are set to null on deletion: the row belongs to its owner and describes somebody's number. */
const STAYING = ["contact_numbers.holder_id", "contact_numbers.contact_id"];
/** Tables that belong to no student. */
const PUBLIC = new Set(["universities", "kysely_migration", "kysely_migration_lock", "sqlite_sequence"]);

const columnsOf = async (databaseUrl: string, dialect: TestDialect) =>
  (await rowsOf(
    databaseUrl,
    dialect === "sqlite"
      ? `select m.name as "table", c.name as "column" from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table'`
      : `select table_name as "table", column_name as "column" from information_schema.columns where table_schema = 'public'`,
  )) as { readonly table: string; readonly column: string }[];

const referencesOf = async (databaseUrl: string, dialect: TestDialect) =>
  (await rowsOf(
    databaseUrl,
    dialect === "sqlite"
      ? `select m.name as "from", f."table" as "to", f."from" as "column", f.on_delete as "onDelete"
         from sqlite_schema m, pragma_foreign_key_list(m.name) f where m.type = 'table'`
      : `select c.conrelid::regclass::text as "from", c.confrelid::regclass::text as "to", a.attname as "column",
           case c.confdeltype when 'c' then 'CASCADE' when 'n' then 'SET NULL' else 'other' end as "onDelete"
         from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] where c.contype = 'f'`,
  )) as { readonly from: string; readonly to: string; readonly column: string; readonly onDelete: string }[];

/** Returns the first column of each index and primary key. */
const indexedOf = async (databaseUrl: string, dialect: TestDialect) =>
  (await rowsOf(
    databaseUrl,
    dialect === "sqlite"
      ? `select m.name as "table", c.name as "column" from sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
         where m.type = 'table' and i.partial = 0 and c.seqno = 0`
      : `select i.indrelid::regclass::text as "table", a.attname as "column" from pg_index i
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] where i.indpred is null`,
  )) as { readonly table: string; readonly column: string }[];

describe.each(DIALECTS)("the data about a student, on %s", (dialect) => {
  test("every table with data about a student is in the export, or listed here with the reason why not", async () => {
    const { databaseUrl, server } = await createWorld({ dialect });
    const columns = await columnsOf(databaseUrl, dialect);
    const references = await referencesOf(databaseUrl, dialect);
    const personal = new Set(["users"]);
    for (const { table, column } of columns)
      if (PERSONAL.test(column) && !PUBLIC.has(table)) personal.add(table);
    // Also add every table that references one of them.
    for (let before = 0; before < personal.size;) {
      before = personal.size;
      for (const { from, to } of references) if (personal.has(to)) personal.add(from);
    }

    const accounted = [...server.exportedTables, ...Object.keys(notExported)];

    expect([...personal].filter((table) => !accounted.includes(table))).toEqual([]);
    expect(accounted.filter((table, index) => accounted.indexOf(table) !== index)).toEqual([]);
    expect(Object.keys(notExported).filter((table) => !personal.has(table))).toEqual([]);
    const tables = new Set(columns.map(({ table }) => table));
    expect(accounted.filter((table) => !tables.has(table))).toEqual([]);
  });

  test("every reference to a student is deleted together with the student, through an index", async () => {
    const { databaseUrl } = await createWorld({ dialect });
    const indexed = await indexedOf(databaseUrl, dialect);
    const toUsers = (await referencesOf(databaseUrl, dialect)).filter(({ to }) => to === "users");

    expect(toUsers.length).toBeGreaterThan(8);
    const staying = toUsers.filter(({ onDelete }) => onDelete !== "CASCADE");
    expect(staying.map(({ from, column }) => `${from}.${column}`).sort()).toEqual(STAYING.toSorted());
    expect(staying.every(({ onDelete }) => onDelete === "SET NULL")).toBe(true);
    const slow = toUsers.filter(
      ({ from, column }) => !indexed.some((index) => index.table === from && index.column === column),
    );
    expect(slow.map(({ from, column }) => `${from}.${column}`)).toEqual([]);
  });
});

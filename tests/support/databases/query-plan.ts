import Sqlite from "better-sqlite3";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { TestDialect } from "./databases.ts";

/** A statement that was run, with the values of its last run. */
export interface RunStatement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** How a database would run a statement. */
export interface QueryPlan {
  readonly sql: string;
  /** One line for each step. */
  readonly steps: readonly string[];
  /** Tables that it reads completely. */
  readonly scanned: readonly string[];
  /** Whether it reads rows and then sorts them, because no index has them in order. */
  readonly sorts: boolean;
  /** Whether the plan is for any values. With the values of its run, PostgreSQL may know that almost no rows match. */
  readonly isGeneric: boolean;
}

const recorders = new Set<(statement: RunStatement) => void>();

/**
 * Records every statement that any database of this process runs from now on, as its driver gets it. An assertion about
 * these statements is about what the server really does, and there is no list of queries that could be out of date.
 */
export const recordStatements = (): { readonly statements: () => readonly RunStatement[] } => {
  const bySql = new Map<string, RunStatement>();
  const record = (statement: RunStatement): void => void bySql.set(statement.sql, statement);
  recorders.add(record);
  onTestFinished(() => void recorders.delete(record));
  return {
    statements: () =>
      [...bySql.values()].filter(({ sql }) => /^\s*(with|select|insert|update|delete)\b/i.test(sql)),
  };
};

const notifyRecorders = (sql: string, values: readonly unknown[]): void => {
  for (const record of recorders) record({ sql, values });
};

/** Patches the drivers' prototypes before any server opens a database: the product has no hook for tests. */
const watchDrivers = (): void => {
  const prepare = Sqlite.prototype.prepare;
  Sqlite.prototype.prepare = function (this: Sqlite.Database, sql: string) {
    const statement = prepare.call(this, sql);
    for (const method of ["all", "get", "run", "iterate"] as const) {
      const run = statement[method].bind(statement) as (...values: unknown[]) => unknown;
      const recorded = (...values: unknown[]): unknown => {
        notifyRecorders(sql, Array.isArray(values[0]) ? values[0] : values);
        return run(...values);
      };
      Object.defineProperty(statement, method, { value: recorded });
    }
    return statement;
  } as typeof prepare;

  const query = pg.Client.prototype.query as (...input: unknown[]) => unknown;
  const recorded = function (this: pg.Client, ...input: unknown[]): unknown {
    const [config, values] = input;
    if (typeof config === "string") notifyRecorders(config, Array.isArray(values) ? values : []);
    else if (isConfig(config)) notifyRecorders(config.text, config.values ?? []);
    return query.apply(this, input);
  };
  Object.defineProperty(pg.Client.prototype, "query", { value: recorded });
};

const isConfig = (config: unknown): config is pg.QueryConfig<unknown[]> =>
  typeof config === "object" && config !== null && "text" in config;

watchDrivers();

/**
 * Asks a database for its query plans. On PostgreSQL, fill the tables first, because the planner depends on their size.
 */
export const explain = (
  dialect: TestDialect,
  databaseUrl: string,
  statements: readonly RunStatement[],
): Promise<QueryPlan[]> =>
  dialect === "sqlite" ? explainSqlite(databaseUrl, statements) : explainPostgres(databaseUrl, statements);

const explainSqlite = async (databaseUrl: string, statements: readonly RunStatement[]) => {
  const file = new Sqlite(databaseUrl.slice("sqlite:".length), { readonly: true });
  const plans = statements.map(({ sql, values }): QueryPlan => {
    const steps = stepsOf(file, { sql, values }).map(({ detail }) => detail);
    // Scanning the result of a subquery is fine: the steps of the subquery are checked on their own.
    const subqueries = new Set(steps.map((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\S+)/.exec(step)?.[1]));
    const scanned = steps.flatMap((step) => {
      const [, name] = /^SCAN (?!CONSTANT ROW)(\S+)/.exec(step) ?? [];
      if (name === undefined || name.startsWith("(")) return [];
      const table = tableOf(sql, name);
      return subqueries.has(name) || subqueries.has(table) ? [] : [table];
    });
    const sorts = steps.some((step) => step.startsWith("USE TEMP B-TREE"));
    return { sql, steps, scanned, sorts, isGeneric: true };
  });
  file.close();
  return plans;
};

interface SqliteStep {
  readonly id: number;
  readonly parent: number;
  readonly detail: string;
}

const stepsOf = (file: Sqlite.Database, { sql, values }: RunStatement): SqliteStep[] =>
  file.prepare<unknown[], SqliteStep>(`explain query plan ${sql}`).all(...values);

/** Returns the table of an alias in a statement. */
const tableOf = (sql: string, name: string): string =>
  new RegExp(`"(\\w+)" as "${name}"`).exec(sql)?.[1] ?? name;

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly Plans?: readonly PlanNode[];
}

const explainPostgres = async (databaseUrl: string, statements: readonly RunStatement[]) => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    "select relname as name from pg_class where relkind = 'r' and reltuples > 1000",
  );
  const large = new Set(tables.map(({ name }) => name));
  // These tables are small compared to those of a real server. Without this, reading a whole table would look cheap.
  await client.query("set random_page_cost = 1.1");
  const plans: QueryPlan[] = [];
  // Check both plans: the one for these values, and the generic one that a connection may use after five runs.
  for (const mode of ["force_custom_plan", "force_generic_plan"]) {
    await client.query(`set plan_cache_mode = ${mode}`);
    for (const { sql, values } of statements) {
      await client.query(`prepare explained as ${sql}`);
      const given = values.length > 0 ? `(${values.map(toLiteral).join(", ")})` : "";
      const { rows } = await client.query<{ "QUERY PLAN": readonly { readonly Plan: PlanNode }[] }>(
        `explain (format json) execute explained ${given}`,
      );
      await client.query("deallocate explained");
      const nodes = rows.flatMap((row) => row["QUERY PLAN"].flatMap(({ Plan }) => flatten(Plan)));
      plans.push({
        sql,
        steps: nodes.map((node) =>
          [node["Node Type"], node["Relation Name"], node["Index Name"]].filter(Boolean).join(" "),
        ),
        scanned: nodes.flatMap((node) => {
          const table = node["Relation Name"];
          return node["Node Type"] === "Seq Scan" && table && large.has(table) ? [table] : [];
        }),
        sorts: nodes.some((node) => /Sort/.test(node["Node Type"])),
        isGeneric: mode === "force_generic_plan",
      });
    }
  }
  await client.end();
  return plans;
};

/** A read of one table by a statement. */
export interface TableRead {
  readonly table: string;
  /** Whether an index contains all columns that are read. */
  readonly isIndexOnly: boolean;
  /**
   * Whether the step runs again for each row of another step, or finds one row by its position. `null` on PostgreSQL,
   * which counts rows.
   */
  readonly isOfOneRow: boolean | null;
  /** How many index entries or rows were read in total. `null` on SQLite, which does not count them. */
  readonly rows: number | null;
}

/** Runs a statement for its plan. Returns what it read, one element for each step and table. */
export const readsOf = async (
  dialect: TestDialect,
  databaseUrl: string,
  statement: RunStatement,
): Promise<TableRead[]> => {
  if (dialect === "sqlite") {
    const file = new Sqlite(databaseUrl.slice("sqlite:".length), { readonly: true });
    const steps = stepsOf(file, statement);
    file.close();
    return steps.flatMap(({ detail, parent }) => {
      const [, name] = /^(?:SCAN|SEARCH) (\S+)/.exec(detail) ?? [];
      if (name === undefined) return [];
      const within = steps.find(({ id }) => id === parent)?.detail ?? "";
      return [
        {
          table: tableOf(statement.sql, name),
          isIndexOnly: detail.includes("COVERING INDEX"),
          isOfOneRow: within.startsWith("CORRELATED ") || /\b(?:position|rowid)=\?/.test(detail),
          rows: null,
        },
      ];
    });
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("set plan_cache_mode = force_generic_plan");
  await client.query(`prepare explained as ${statement.sql}`);
  const { rows } = await client.query<{ "QUERY PLAN": readonly { readonly Plan: PlanNode }[] }>(
    `explain (analyze, format json) execute explained (${statement.values.map(toLiteral).join(", ")})`,
  );
  await client.end();
  return rows
    .flatMap((row) => row["QUERY PLAN"].flatMap(({ Plan }) => flatten(Plan)))
    .flatMap((node) => {
      const { "Relation Name": table, "Actual Rows": rowsALoop = 0, "Actual Loops": loops = 0 } = node;
      if (table === undefined) return [];
      const isIndexOnly = node["Node Type"] === "Index Only Scan";
      return [{ table, isIndexOnly, isOfOneRow: null, rows: rowsALoop * loops }];
    });
};

const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

const toLiteral = (value: unknown): string => {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return String(value);
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString("hex")}'`;
  if (typeof value !== "string") throw new Error("A statement has a value of an unknown type");
  return pg.escapeLiteral(value);
};

/**
 * Puts `rowCount` rows into every table that the statements name, whatever the rows say, and updates the planner's
 * statistics: of a table with three rows it would rightly read all. Turns triggers and foreign keys off, so the database
 * cannot be used afterwards.
 */
export const fillTables = async (
  databaseUrl: string,
  { rowCount, statements }: { readonly rowCount: number; readonly statements: readonly RunStatement[] },
): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("set session_replication_role = replica");
  const { rows: columns } = await client.query<Column>(
    `select table_name as "table", column_name as "name", data_type as "type", is_nullable = 'YES' as "isNullable"
     from information_schema.columns
     where table_schema = 'public' and table_name not like 'kysely%' and is_generated = 'NEVER'
     order by table_name, ordinal_position`,
  );
  for (const table of new Set(columns.map((column) => column.table))) {
    if (!statements.some(({ sql }) => sql.includes(`"${table}"`))) continue;
    const tableColumns = columns.filter((column) => column.table === table);
    const names = tableColumns.map(({ name }) => name).join(", ");
    const owner = tableColumns.find(({ name }) => REFERENCE.test(name));
    const values = tableColumns
      .map((column, index) => valueOf(column, { index, isOwner: column === owner }))
      .join(", ");
    await client.query(
      `insert into ${table} (${names}) select ${values} from generate_series(1, ${rowCount}) as i on conflict do nothing`,
    );
  }
  await client.query("analyze");
  await client.end();
};

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
}

const REFERENCE = /_(id|by)$|phone|key|digest/;
const OWNERS = 200;
const OTHER_VALUES = 2_003;
const IS_RARE = "i % 50 = 0";

/**
 * Values are spread so that few owners have many rows, flags are rare, nullable values are often null, and other texts
 * repeat.
 */
const valueOf = (
  { name, type, isNullable }: Column,
  { index, isOwner }: { readonly index: number; readonly isOwner: boolean },
): string => {
  const spread = `(i::bigint * ${7_919 + 2 * index} % ${isOwner ? OWNERS : OTHER_VALUES})`;
  const value = ((): string => {
    if (type === "bytea") return "'\\x00'::bytea";
    if (type === "text") {
      if (name === "id") return "'filler-' || lpad(i::text, 12, '0')";
      return /_(id|by)$|phone|key|digest/.test(name)
        ? `'filler-' || lpad(${spread}::text, 12, '0')`
        : `'of ' || i % 7`;
    }
    if (/^(is|has|with)_/.test(name)) return `(${IS_RARE})::int`;
    return type === "bigint" ? "1000000 + i" : "i % 997";
  })();
  if (!isNullable || name.endsWith("_id")) return value;
  // If a quarter of all students were being erased, the planner would rightly sort them all.
  return `case when ${name === "erase_at" ? IS_RARE : "i % 4 = 0"} then ${value} end`;
};

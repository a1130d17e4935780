import Sqlite from "better-sqlite3";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { TestDialect } from "./databases.ts";

/** A statement that was run, with the values of its last run. */
export interface RunStatement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** What a database would do for a statement. */
export interface QueryPlan {
  readonly sql: string;
  /** One line a step. */
  readonly steps: readonly string[];
  /** Tables that it reads from one end to the other. */
  readonly scanned: readonly string[];
  /** Whether it puts rows in order that no index gives in it, having read all of them. */
  readonly sorts: boolean;
  /** Whether it is for any values: for those of its run, PostgreSQL may know that there are next to none. */
  readonly isGeneric: boolean;
}

const recorders = new Set<(statement: RunStatement) => void>();

/**
 * Notes every statement that any database of this process runs from now on, as its driver gets it: what is asserted of
 * them is asserted of what the server does, and no list of queries can be out of date.
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

const tell = (sql: string, values: readonly unknown[]): void => {
  for (const record of recorders) record({ sql, values });
};

/** In the drivers' prototypes, before any server opens a database: the product has no hook for tests. */
const watchDrivers = (): void => {
  const prepare = Sqlite.prototype.prepare;
  Sqlite.prototype.prepare = function (this: Sqlite.Database, sql: string) {
    const statement = prepare.call(this, sql);
    for (const method of ["all", "get", "run", "iterate"] as const) {
      const run = statement[method].bind(statement) as (...values: unknown[]) => unknown;
      const told = (...values: unknown[]): unknown => {
        tell(sql, Array.isArray(values[0]) ? values[0] : values);
        return run(...values);
      };
      Object.defineProperty(statement, method, { value: told });
    }
    return statement;
  } as typeof prepare;

  const query = pg.Client.prototype.query as (...input: unknown[]) => unknown;
  const told = function (this: pg.Client, ...input: unknown[]): unknown {
    const [config, values] = input;
    if (typeof config === "string") tell(config, Array.isArray(values) ? values : []);
    else if (isConfig(config)) tell(config.text, config.values ?? []);
    return query.apply(this, input);
  };
  Object.defineProperty(pg.Client.prototype, "query", { value: told });
};

const isConfig = (config: unknown): config is pg.QueryConfig<unknown[]> =>
  typeof config === "object" && config !== null && "text" in config;

watchDrivers();

/** Asks a database for its plans: PostgreSQL once its tables are filled, for its planner goes by their size. */
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
    // A subquery is read to its end, and has read its own tables by then.
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

/** What a plan calls by the name that a statement gives it. */
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
  // The tables here are small beside those of a server that lives: reading one whole is cheaper than it will be.
  await client.query("set random_page_cost = 1.1");
  const plans: QueryPlan[] = [];
  // The plan for these values, and the one for any, to which a connection goes over after five runs.
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

/** What a statement reads of a table. */
export interface TableRead {
  readonly table: string;
  /** Whether an index has all that is read of it. */
  readonly isIndexOnly: boolean;
  /** Whether it is done anew for each row of another step, or finds one row by its place; PostgreSQL counts instead. */
  readonly isOfOneRow: boolean | null;
  /** How many entries or rows it read in all; SQLite does not say. */
  readonly rows: number | null;
}

/** Runs a statement for its plan and says what it read, table by table and step by step. */
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
  if (typeof value !== "string") throw new Error("No statement has such a value");
  return pg.escapeLiteral(value);
};

/**
 * Puts so many rows into every table of a PostgreSQL database that the statements are about, whatever they say, and tells its planner: in tables of
 * three rows it would read all of them, and be right. Rules and references are off; the database is of no use after it.
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
    const ofTable = columns.filter((column) => column.table === table);
    const names = ofTable.map(({ name }) => name).join(", ");
    const owner = ofTable.find(({ name }) => REFERENCE.test(name));
    const values = ofTable
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
const OTHERS = 2_003;

/** A few own everything, others are many; flags are rare, what may be absent mostly is, other texts are one of a few. */
const valueOf = (
  { name, type, isNullable }: Column,
  { index, isOwner }: { readonly index: number; readonly isOwner: boolean },
): string => {
  const spread = `(i::bigint * ${7_919 + 2 * index} % ${isOwner ? OWNERS : OTHERS})`;
  const value = ((): string => {
    if (type === "bytea") return "'\\x00'::bytea";
    if (type === "text") {
      if (name === "id") return "'filler-' || lpad(i::text, 12, '0')";
      return /_(id|by)$|phone|key|digest/.test(name)
        ? `'filler-' || lpad(${spread}::text, 12, '0')`
        : `'of ' || i % 7`;
    }
    if (/^(is|has|with)_/.test(name)) return "(i % 50 = 0)::int";
    return type === "bigint" ? "1000000 + i" : "i % 997";
  })();
  return isNullable && !name.endsWith("_id") ? `case when i % 4 = 0 then ${value} end` : value;
};

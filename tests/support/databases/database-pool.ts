import pg from "pg";
import { openDatabase } from "@edvoyage/db";

/**
 * PostgreSQL databases with every table, used by one test after another. `create database … template` takes half a
 * second, which was a third of the whole run; emptying one that exists takes a few milliseconds.
 */
export interface DatabasePool {
  /** Returns the URL of a database with every table and only the rows that migrations write. */
  acquire(): Promise<string>;
  /** Empties a database for the next test. A database is not used again if its schema changed or its connection was ended. */
  release(url: string): Promise<void>;
}

interface PooledDatabase {
  readonly url: string;
  /** Stays connected: a new connection spends 50 ms on loading the system catalogue. */
  readonly client: pg.Client;
}

/** The database that all others are copied from. */
const TEMPLATE = "edvoyage_migrated";

/** Prepares a PostgreSQL for pools. `maintenanceUrl` names a database that holds none of the product's tables. */
export const preparePool = async (maintenanceUrl: string): Promise<void> => {
  const maintenance = await connect(maintenanceUrl);
  await maintenance.query(`create database ${TEMPLATE}`);
  await maintenance.end();
  const url = siblingUrl(maintenanceUrl, TEMPLATE);
  await (await openDatabase(url)).close();
  const template = await connect(url);
  await template.query(KEEP_ROWS_OF_MIGRATIONS);
  await template.query(NOTE_CHANGES_OF_SCHEMA);
  await template.end();
};

/**
 * Creates a pool for one test process. Nothing is dropped at its end, because the whole PostgreSQL is deleted after the
 * run.
 */
export const createDatabasePool = (maintenanceUrl: string): DatabasePool => {
  const free: PooledDatabase[] = [];
  const used = new Map<string, PooledDatabase>();
  let created = 0;

  const create = async (): Promise<PooledDatabase> => {
    const name = `pooled_${process.pid}_${(created += 1)}`;
    const maintenance = await connect(maintenanceUrl);
    await maintenance.query(`create database ${name} template ${TEMPLATE}`);
    await maintenance.end();
    const url = siblingUrl(maintenanceUrl, name);
    return { url, client: await connect(url) };
  };

  return {
    acquire: async () => {
      const database = free.pop() ?? (await create());
      used.set(database.url, database);
      return database.url;
    },
    release: async (url) => {
      const database = used.get(url);
      if (!database) return;
      used.delete(url);
      if (await isReusable(database.client)) {
        await database.client.query(EMPTY);
        free.push(database);
        return;
      }
      await database.client.end();
    },
  };
};

const isReusable = async (client: pg.Client): Promise<boolean> => {
  const changes = await client
    .query<{ changed: boolean }>("select exists (select 1 from test_pool.changes) as changed")
    .catch(() => undefined);
  return changes?.rows[0]?.changed === false;
};

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  // A test may end every connection to its database, this one included. Without a listener the process would end.
  client.on("error", () => {});
  await client.connect();
  return client;
};

const siblingUrl = (url: string, database: string): string => url.replace(/[^/]+$/, database);

const TABLES = `select c.relname as name from pg_class c
  where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%'`;

const KEEP_ROWS_OF_MIGRATIONS = `do $$
  declare one record; has_rows boolean;
  begin
    create schema test_pool;
    for one in ${TABLES} loop
      execute format('select exists (select 1 from %I)', one.name) into has_rows;
      if has_rows then execute format('create table test_pool.%I as table %I', one.name, one.name); end if;
    end loop;
  end $$`;

const NOTE_CHANGES_OF_SCHEMA = `
  create table test_pool.changes (command text);
  create function test_pool.note_change() returns event_trigger language plpgsql as
    'begin insert into test_pool.changes values (tg_tag); end';
  create event trigger note_change on ddl_command_end execute function test_pool.note_change();
  create event trigger note_drop on sql_drop execute function test_pool.note_change()`;

/**
 * Ends the connections that a test left open, then empties each table that has rows. Checking before deleting makes it
 * fast: a `truncate` of 50 tables takes longer than a copy of the template.
 */
const EMPTY = `do $$
  declare one record; has_rows boolean;
  begin
    perform pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid();
    set local session_replication_role = replica;
    for one in ${TABLES} loop
      execute format('select exists (select 1 from %I)', one.name) into has_rows;
      if has_rows then execute format('delete from %I', one.name); end if;
      if to_regclass(format('test_pool.%I', one.name)) is not null then
        execute format('insert into %I table test_pool.%I', one.name, one.name);
      end if;
    end loop;
    for one in select c.oid from pg_class c
      where c.relkind = 'S' and c.relnamespace = 'public'::regnamespace loop
      perform setval(one.oid, 1, false);
    end loop;
  end $$`;

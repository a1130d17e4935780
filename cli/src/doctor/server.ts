import type { DatabaseStatus } from "@edvoyage/server";
import type { CommandContext } from "../command.ts";
import { targetToUrl, type Connection } from "../connection.ts";
import { durationToText, relativeToNow } from "../time.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** A larger difference between the clocks makes countdowns wrong. */
const MAX_CLOCK_DIFFERENCE_MS = 2_000;

/** Allows for one backup a day, of which one may fail. */
const MAX_BACKUP_AGE_MS = 48 * 3_600_000;

/** Checks whether a server answers, and what it reports. Stops at a failure that makes further checks pointless. */
export const checkServer = async (context: CommandContext): Promise<readonly Finding[]> => {
  const { settings, connect, explain, interrupted } = context;
  try {
    const connection = await connect();
    const health = await connection.request("/healthz");
    if (!health.ok) {
      const message = `Something answers at ${targetToUrl(settings)}, but it is no EdVoyage server.`;
      return [fail("server", message, "Name the server with --url.")];
    }
    const reached =
      settings.target.state === "server"
        ? `A server answers at ${settings.target.url}.`
        : "The database opens; no server runs on it.";
    return [
      ok("server", reached),
      await checkReadiness(connection),
      ...(await checkStatus(connection, context)),
    ];
  } catch (error) {
    interrupted.throwIfAborted();
    const { message, hints } = explain(error);
    return [fail("server", message, ...hints)];
  }
};

const checkReadiness = async (connection: Connection): Promise<Finding> => {
  const { ok: isReady } = await connection.request("/readyz");
  if (isReady) return ok("ready", "Its database accepts writes.");
  return fail(
    "ready",
    "Its database accepts no writes.",
    "Check for a full disk, and read the server's log.",
  );
};

const checkStatus = async (
  { client }: Connection,
  { now, explain, interrupted }: CommandContext,
): Promise<readonly Finding[]> => {
  const askedAt = now();
  try {
    const { sessions, universities, serverNow, ...facts } = await client.admin.status.query();
    // The server read its clock about halfway between the request and the answer.
    const differenceMs = serverNow - (askedAt + now()) / 2;
    return [
      ok("admin-token", "The admin token is accepted."),
      ok("sessions", `Live sessions: ${sessions.toLocaleString("en")}.`),
      ...Object.entries(facts).map(([name, fact]) => ok(name, `${name}: ${String(fact)}`)),
      judgeClock(differenceMs),
      judgeCatalogue(universities),
      ...judgeBackups(await client.admin.database.status.query(), serverNow),
    ];
  } catch (error) {
    interrupted.throwIfAborted();
    const { message, hints } = explain(error);
    return [fail("admin-token", message, ...hints)];
  }
};

/** Judges how far the server's clock is ahead of this one. */
export const judgeClock = (differenceMs: number): Finding => {
  const distance = Math.abs(differenceMs);
  if (distance <= MAX_CLOCK_DIFFERENCE_MS) return ok("clock", "Its clock agrees with this machine's.");
  const direction = differenceMs > 0 ? "ahead of" : "behind";
  return warn(
    "clock",
    `Its clock is ${durationToText(distance, 2)} ${direction} this machine's.`,
    "Set the clocks of both machines by NTP.",
  );
};

/** Judges the age of the newest backup. PostgreSQL is backed up by its own tools, which are not visible here. */
export const judgeBackups = (
  { dialect, newestBackup }: Pick<DatabaseStatus, "dialect" | "newestBackup">,
  now: number,
): readonly Finding[] => {
  if (dialect !== "sqlite") return [];
  const remedy = "Make one with edvoyage db backup, and keep a copy on another machine.";
  if (!newestBackup) return [warn("backup", "There is no backup in the data folder.", remedy)];
  const age = `The newest backup was made ${relativeToNow(newestBackup.takenAt, now)}.`;
  return [now - newestBackup.takenAt > MAX_BACKUP_AGE_MS ? warn("backup", age, remedy) : ok("backup", age)];
};

const judgeCatalogue = (universities: number): Finding => {
  if (universities > 0)
    return ok("catalogue", `The catalogue has ${universities.toLocaleString("en")} universities.`);
  return warn(
    "catalogue",
    "The catalogue is empty: students find nothing.",
    "Fill it with edvoyage seed run, or edvoyage catalogue import <file>.",
  );
};

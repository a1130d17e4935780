import type { SessionEnd } from "@edvoyage/db";
import { CLOSE_CODES } from "@edvoyage/protocol";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AuthMetrics, CodeRequestOutcome } from "../auth/auth.ts";
import { MINUTE_MS, type Clock } from "./clock.ts";
import type { PushResult } from "../push/worker.ts";
import type { SessionMetrics } from "../sessions/sessions.ts";
import type { SmsOutcome } from "../sms/sms.ts";
import type { SyncedDocument, SyncMetrics } from "../sync/sync.ts";

/** What `/metrics` tells; no label ever holds what belongs to a student. */
export interface Metrics extends AuthMetrics, SessionMetrics, SyncMetrics {
  smsSent(outcome: SmsOutcome): void;
  /** `reason` is `ok`, a reason of the table, or `bug`. */
  procedureCalled(procedure: string, reason: string, durationSeconds: number): void;
  pushEnded(provider: string, result: PushResult): void;
  /** Prometheus' text format. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LATENCY_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** From the same turn of the event loop to what a stalled database does; other nodes' news takes up to 0.4 s. */
const LAG_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const CODE_REQUEST_OUTCOMES: readonly CodeRequestOutcome[] = [
  "sent",
  "waiting",
  "failed",
  "throttled",
  "blocked",
];
const SMS_OUTCOMES: readonly SmsOutcome[] = ["sent", "refused", "unknown"];
/** A restore ends sessions where no server runs: nobody could read it here. */
const SESSION_ENDS: readonly SessionEnd[] = ["logout", "revoked", "replaced", "limit", "admin", "deleted"];
const PUSH_RESULTS: readonly PushResult[] = ["sent", "dropped", "retried", "dead", "gone"];

/** What is counted from rows is counted this often at the most: anyone may ask. */
const COUNT_EVERY_MS = 1_000;
/** The same for who was active: that reads a row a session, and changes by the hour. */
const COUNT_STUDENTS_EVERY_MS = MINUTE_MS;

let processRegister: Registry | undefined;

/** What Node tells of the process. Once for all servers in it: prom-client never stops watching. */
const registerOfProcess = (): Registry => {
  if (!processRegister) {
    processRegister = new Registry();
    collectDefaultMetrics({ register: processRegister });
  }
  return processRegister;
};

export const createMetrics = (deps: {
  readonly clock: Clock;
  /** Whose pushes are counted from zero on; `undefined` sends none. */
  readonly pushProvider: string | undefined;
  readonly countLiveSessions: () => Promise<number>;
  readonly countActiveStudents: () => Promise<number>;
  readonly countSockets: () => number;
  readonly countPushes: () => Promise<{ readonly pending: number; readonly dead: number }>;
}): Metrics => {
  const { clock } = deps;
  const countLiveSessions = createCached(deps.countLiveSessions, { clock, forMs: COUNT_EVERY_MS });
  const countPushes = createCached(deps.countPushes, { clock, forMs: COUNT_EVERY_MS });
  const countActiveStudents = createCached(deps.countActiveStudents, {
    clock,
    forMs: COUNT_STUDENTS_EVERY_MS,
  });
  const register = new Registry();
  const registers = [register];
  const requested = new Counter({
    name: "edvoyage_codes_requested_total",
    help: "Requests for a sign-in code, by outcome (sent, waiting for the one just sent, failed, throttled, blocked)",
    labelNames: ["outcome"],
    registers,
  });
  const sent = new Counter({
    name: "edvoyage_sms_sent_total",
    help: "Messages handed to the SMS provider, by what became of them (sent, refused, unknown)",
    labelNames: ["outcome"],
    registers,
  });
  const judged = new Counter({
    name: "edvoyage_codes_judged_total",
    help: "Sign-in codes compared, by outcome (right, wrong)",
    labelNames: ["outcome"],
    registers,
  });
  const blocked = new Counter({
    name: "edvoyage_device_blocks_total",
    help: "Devices blocked from a phone after wrong codes",
    registers,
  });
  const latency = new Histogram({
    name: "edvoyage_procedure_duration_seconds",
    help: "Time from request to reply, by procedure and reason (ok, a refusal's reason, bug)",
    labelNames: ["procedure", "reason"],
    buckets: LATENCY_BUCKETS_SECONDS,
    registers,
  });
  const latencySeries = new Map<string, Histogram.Internal<"procedure" | "reason">>();
  const sessions: Gauge = new Gauge({
    name: "edvoyage_sessions_active",
    help: "Sessions that are neither ended nor expired",
    registers,
    collect: async () => sessions.set(await countLiveSessions()),
  });
  const opened = new Counter({
    name: "edvoyage_sessions_opened_total",
    help: "Sessions that were opened by a right code",
    registers,
  });
  const ended = new Counter({
    name: "edvoyage_sessions_ended_total",
    help: "Sessions that were ended, by cause (logout, revoked, replaced, limit, admin, deleted); one that expires is none",
    labelNames: ["cause"],
    registers,
  });
  const students: Gauge = new Gauge({
    name: "edvoyage_students_active",
    help: "Students with a session that was used in the last 24 hours, among 100,000 such sessions at the most",
    registers,
    collect: async () => students.set(await countActiveStudents()),
  });
  const sockets: Gauge = new Gauge({
    name: "edvoyage_sockets_open",
    help: "Open sockets of /sync",
    registers,
    collect: () => sockets.set(deps.countSockets()),
  });
  const closes = new Counter({
    name: "edvoyage_sockets_closed_total",
    help: "Sockets of /sync that were closed, by close code",
    labelNames: ["code"],
    registers,
  });
  const frames = new Counter({
    name: "edvoyage_frames_delivered_total",
    help: "Frames with content that were handed to sockets of /sync, by kind of document (room, user)",
    labelNames: ["document"],
    registers,
  });
  const entries = new Counter({
    name: "edvoyage_entries_delivered_total",
    help: "Entries of rooms in the frames that were handed to sockets, each once a socket",
    registers,
  });
  const lag = new Histogram({
    name: "edvoyage_sync_lag_seconds",
    help: "Time from the instant of an entry or update, just before its commit, to its frame's being handed to the sockets that wait for it, by kind of document (room, user)",
    labelNames: ["document"],
    buckets: LAG_BUCKETS_SECONDS,
    registers,
  });
  const pushes = new Counter({
    name: "edvoyage_pushes_total",
    help: "Pushes, by provider and what became of them (sent, dropped, retried, dead, gone)",
    labelNames: ["provider", "result"],
    registers,
  });
  const pending: Gauge = new Gauge({
    name: "edvoyage_pushes_pending",
    help: "Pushes that are to be sent or tried again, 10,000 at the most",
    registers,
    collect: async () => pending.set((await countPushes()).pending),
  });
  const dead: Gauge = new Gauge({
    name: "edvoyage_pushes_dead",
    help: "Pushes of the last 30 days that were given up, 10,000 at the most",
    registers,
    collect: async () => dead.set((await countPushes()).dead),
  });
  const everything = Registry.merge([registerOfProcess(), register]);
  // From zero on: an increase from nothing is none to Prometheus, and an alert would miss the first.
  for (const outcome of CODE_REQUEST_OUTCOMES) requested.inc({ outcome }, 0);
  for (const outcome of SMS_OUTCOMES) sent.inc({ outcome }, 0);
  for (const outcome of ["right", "wrong"]) judged.inc({ outcome }, 0);
  for (const cause of SESSION_ENDS) ended.inc({ cause }, 0);
  if (deps.pushProvider)
    for (const result of PUSH_RESULTS) pushes.inc({ provider: deps.pushProvider, result }, 0);
  // Looked up once: prom-client hashes the labels at every call.
  const seriesOf = (document: SyncedDocument) => ({
    frames: frames.labels(document),
    lag: lag.labels(document),
  });
  const seriesByDocument = { room: seriesOf("room"), user: seriesOf("user") };
  for (const series of Object.values(seriesByDocument)) series.frames.inc(0);
  lag.zero({ document: "room" });
  lag.zero({ document: "user" });

  return {
    codeRequested: (outcome) => requested.inc({ outcome }),
    smsSent: (outcome) => sent.inc({ outcome }),
    codeJudged: (outcome) => judged.inc({ outcome }),
    deviceBlocked: () => blocked.inc(),
    sessionOpened: () => opened.inc(),
    sessionEnded: (cause) => ended.inc({ cause }),
    framesDelivered: (document, count) => seriesByDocument[document].frames.inc(count),
    entriesDelivered: (count) => entries.inc(count),
    // The clock of the node that wrote it may be ahead.
    lagged: (document, lagMs) => seriesByDocument[document].lag.observe(Math.max(0, lagMs) / 1000),
    // A peer may close with any code: those that mean nothing here share one label.
    socketClosed: (code) => closes.inc({ code: isKnownCloseCode(code) ? String(code) : "other" }),
    pushEnded: (provider, result) => pushes.inc({ provider, result }),
    procedureCalled: (procedure, reason, durationSeconds) => {
      // Looked up by hand: prom-client hashes the labels at every call.
      const key = `${procedure} ${reason}`;
      let series = latencySeries.get(key);
      if (!series) {
        series = latency.labels(procedure, reason);
        latencySeries.set(key, series);
      }
      series.observe(durationSeconds);
    },
    text: async () => ({ contentType: everything.contentType, body: await everything.metrics() }),
  };
};

/** Asks again once the last answer is so old; those who ask at once share one answer, and an error is not kept. */
const createCached = <T>(
  ask: () => Promise<T>,
  { clock, forMs }: { readonly clock: Clock; readonly forMs: number },
): (() => Promise<T>) => {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return async () => {
    const now = clock.now();
    const asked = last && now - last.at < forMs ? last : { at: now, answer: ask() };
    last = asked;
    try {
      return await asked.answer;
    } catch (error) {
      if (last === asked) last = undefined;
      throw error;
    }
  };
};

const STANDARD_CLOSE_CODES = [1000, 1001, 1005, 1006];
const isKnownCloseCode = (code: number): boolean =>
  [...STANDARD_CLOSE_CODES, ...Object.values<number>(CLOSE_CODES)].includes(code);

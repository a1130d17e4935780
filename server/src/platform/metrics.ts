import type { SessionEnd } from "@edvoyage/db";
import { CLOSE_CODES } from "@edvoyage/protocol";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AuthMetrics, CodeRequestOutcome } from "../auth/auth.ts";
import { MINUTE_MS, type Clock } from "./clock.ts";
import type { PushResult } from "../push/worker.ts";
import type { SessionMetrics } from "../sessions/sessions.ts";
import type { SmsOutcome } from "../sms/sms.ts";
import type { SyncedDocument, SyncMetrics } from "../sync/log-access.ts";

/** The metrics that `/metrics` reports. No label ever holds anything about a student. */
export interface Metrics extends AuthMetrics, SessionMetrics, SyncMetrics {
  smsSent(outcome: SmsOutcome): void;
  /** Counts a call. `reason` is `ok`, a reason from the table of reasons, or `bug`. */
  procedureCalled(procedure: string, reason: string, durationSeconds: number): void;
  pushEnded(provider: string, result: PushResult): void;
  /** Returns the metrics in Prometheus' text format. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LATENCY_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** From one turn of the event loop up to a stalled database. Changes of other nodes take up to 0.4 s. */
const LAG_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const CODE_REQUEST_OUTCOMES: readonly CodeRequestOutcome[] = [
  "sent",
  "waiting",
  "failed",
  "throttled",
  "blocked",
];
const SMS_OUTCOMES: readonly SmsOutcome[] = ["sent", "refused", "unknown"];
/** `restore` is missing: a restore ends sessions while no server runs, so no metric could show it. */
const SESSION_ENDS: readonly SessionEnd[] = ["logout", "revoked", "replaced", "limit", "admin", "deleted"];
const PUSH_RESULTS: readonly PushResult[] = ["sent", "dropped", "retried", "dead", "gone"];

/** How often rows are counted at most: anyone may request `/metrics`. */
const COUNT_EVERY_MS = 1_000;
/** How often active students are counted at most. This reads a row for each session, and the number changes slowly. */
const COUNT_STUDENTS_EVERY_MS = MINUTE_MS;

let processRegister: Registry | undefined;

/** Returns Node's metrics of the process, shared by all servers in it: prom-client never stops collecting them. */
const registerOfProcess = (): Registry => {
  if (!processRegister) {
    processRegister = new Registry();
    collectDefaultMetrics({ register: processRegister });
  }
  return processRegister;
};

export const createMetrics = (deps: {
  readonly clock: Clock;
  /** The provider whose counters start at zero; `undefined` when the server sends no pushes. */
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
    help: "Requests for a sign-in code, by outcome (sent, waiting for a code just sent, failed, throttled, blocked)",
    labelNames: ["outcome"],
    registers,
  });
  const sent = new Counter({
    name: "edvoyage_sms_sent_total",
    help: "Messages handed to the SMS provider, by outcome (sent, refused, unknown)",
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
    help: "Blocks of a device for a phone number, after wrong codes",
    registers,
  });
  const latency = new Histogram({
    name: "edvoyage_procedure_duration_seconds",
    help: "Time from request to reply, by procedure and reason (ok, the reason of an error, bug)",
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
    help: "Sessions opened with a right code",
    registers,
  });
  const ended = new Counter({
    name: "edvoyage_sessions_ended_total",
    help: "Sessions ended, by cause (logout, revoked, replaced, limit, admin, deleted); expired sessions are not counted",
    labelNames: ["cause"],
    registers,
  });
  const students: Gauge = new Gauge({
    name: "edvoyage_students_active",
    help: "Students with a session used in the last 24 hours, among at most 100,000 such sessions",
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
    help: "Closed sockets of /sync, by close code",
    labelNames: ["code"],
    registers,
  });
  const frames = new Counter({
    name: "edvoyage_frames_delivered_total",
    help: "Frames with content handed to sockets of /sync, by kind of document (room, user)",
    labelNames: ["document"],
    registers,
  });
  const entries = new Counter({
    name: "edvoyage_entries_delivered_total",
    help: "Room entries in the frames handed to sockets of /sync, counted once for each socket",
    registers,
  });
  const lag = new Histogram({
    name: "edvoyage_sync_lag_seconds",
    help: "Time from the timestamp of an entry or update, just before its commit, until its frame is handed to the waiting sockets, by kind of document (room, user)",
    labelNames: ["document"],
    buckets: LAG_BUCKETS_SECONDS,
    registers,
  });
  const pushes = new Counter({
    name: "edvoyage_pushes_total",
    help: "Pushes, by provider and result (sent, dropped, retried, dead, gone)",
    labelNames: ["provider", "result"],
    registers,
  });
  const pending: Gauge = new Gauge({
    name: "edvoyage_pushes_pending",
    help: "Pushes waiting to be sent or retried, at most 10,000",
    registers,
    collect: async () => pending.set((await countPushes()).pending),
  });
  const dead: Gauge = new Gauge({
    name: "edvoyage_pushes_dead",
    help: "Pushes given up in the last 30 days, at most 10,000",
    registers,
    collect: async () => dead.set((await countPushes()).dead),
  });
  const allMetrics = Registry.merge([registerOfProcess(), register]);
  // Every series starts at zero: Prometheus sees no increase when a series first appears, and an alert would miss it.
  for (const outcome of CODE_REQUEST_OUTCOMES) requested.inc({ outcome }, 0);
  for (const outcome of SMS_OUTCOMES) sent.inc({ outcome }, 0);
  for (const outcome of ["right", "wrong"]) judged.inc({ outcome }, 0);
  for (const cause of SESSION_ENDS) ended.inc({ cause }, 0);
  if (deps.pushProvider)
    for (const result of PUSH_RESULTS) pushes.inc({ provider: deps.pushProvider, result }, 0);
  // Look up each series once: prom-client hashes the labels at every call.
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
    // The clock of the node that wrote the entry may be ahead.
    lagged: (document, lagMs) => seriesByDocument[document].lag.observe(Math.max(0, lagMs) / 1000),
    // A peer may close with any code: all unknown codes share one label.
    socketClosed: (code) => closes.inc({ code: isKnownCloseCode(code) ? String(code) : "other" }),
    pushEnded: (provider, result) => pushes.inc({ provider, result }),
    procedureCalled: (procedure, reason, durationSeconds) => {
      // Keep the series in a map: prom-client hashes the labels at every call.
      const key = `${procedure} ${reason}`;
      let series = latencySeries.get(key);
      if (!series) {
        series = latency.labels(procedure, reason);
        latencySeries.set(key, series);
      }
      series.observe(durationSeconds);
    },
    text: async () => ({ contentType: allMetrics.contentType, body: await allMetrics.metrics() }),
  };
};

/** Caches an answer for `forMs`. Concurrent calls share one query, and an error is not cached. */
const createCached = <T>(
  ask: () => Promise<T>,
  { clock, forMs }: { readonly clock: Clock; readonly forMs: number },
): (() => Promise<T>) => {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return async () => {
    const now = clock.monotonicNow();
    const current = last && now - last.at < forMs ? last : { at: now, answer: ask() };
    last = current;
    try {
      return await current.answer;
    } catch (error) {
      if (last === current) last = undefined;
      throw error;
    }
  };
};

const STANDARD_CLOSE_CODES = [1000, 1001, 1005, 1006];
const isKnownCloseCode = (code: number): boolean =>
  [...STANDARD_CLOSE_CODES, ...Object.values<number>(CLOSE_CODES)].includes(code);

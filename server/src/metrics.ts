import { CLOSE_CODES } from "@edvoyage/protocol";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { PushResult } from "./push/worker.ts";
import type { SmsOutcome } from "./sms/sms.ts";

/** What `/metrics` tells; no label ever holds what belongs to a student. */
export interface Metrics {
  smsSent(outcome: SmsOutcome): void;
  codeJudged(outcome: "right" | "wrong"): void;
  deviceBlocked(): void;
  /** `reason` is `ok`, a reason of the table, or `bug`. */
  procedureCalled(procedure: string, reason: string, durationSeconds: number): void;
  socketClosed(code: number): void;
  pushEnded(provider: string, result: PushResult): void;
  /** Prometheus' text format. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LATENCY_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

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
  readonly countLiveSessions: () => Promise<number>;
  readonly countSockets: () => number;
  readonly countPushes: () => Promise<{ readonly pending: number; readonly dead: number }>;
}): Metrics => {
  const register = new Registry();
  const registers = [register];
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
    collect: async () => sessions.set(await deps.countLiveSessions()),
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
    collect: async () => pending.set((await deps.countPushes()).pending),
  });
  const dead: Gauge = new Gauge({
    name: "edvoyage_pushes_dead",
    help: "Pushes of the last 30 days that were given up, 10,000 at the most",
    registers,
    collect: async () => dead.set((await deps.countPushes()).dead),
  });
  const everything = Registry.merge([registerOfProcess(), register]);
  for (const outcome of ["sent", "refused", "unknown"]) sent.inc({ outcome }, 0);
  for (const outcome of ["right", "wrong"]) judged.inc({ outcome }, 0);

  return {
    smsSent: (outcome) => sent.inc({ outcome }),
    codeJudged: (outcome) => judged.inc({ outcome }),
    deviceBlocked: () => blocked.inc(),
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

const STANDARD_CLOSE_CODES = [1000, 1001, 1005, 1006];
const isKnownCloseCode = (code: number): boolean =>
  [...STANDARD_CLOSE_CODES, ...Object.values<number>(CLOSE_CODES)].includes(code);

import type { Database, UnitOfWork } from "@edvoyage/db";
import { DAY_MS, MINUTE_MS, type Clock } from "../platform/clock.ts";
import { leastIdAt, type NewId, type Random } from "../platform/crypto.ts";
import type { Logger } from "../platform/logger.ts";
import type { PushContent, PendingPush } from "./content.ts";
import { deliveryQueries as queries } from "./deliveries.store.ts";
import type { PushOutbox } from "./outbox.ts";
import type { PushOutcome, PushProvider } from "./provider.ts";

/**
 * The result of an attempt to send a push. `dropped`: there is nothing to tell any more. `gone`: the token is no longer
 * valid.
 */
export type PushResult = "sent" | "dropped" | "retried" | "dead" | "gone";

/** Sends the pushes that are due. Several nodes may do so at once. */
export interface PushWorker {
  /** Starts a run, because there may be something to do. */
  wake(): void;
  /** Checks whether something is due; called every second. */
  tick(): void;
  /** Deletes dead letters that are older than 30 days. */
  prune(now: number): Promise<void>;
  /** Waits for the current batch, for at most 2 seconds before it is aborted, and starts no other. */
  close(): Promise<void>;
}

export interface PushWorkerDeps {
  readonly database: Database;
  readonly provider: PushProvider;
  readonly outbox: Pick<PushOutbox, "expand">;
  readonly contentOf: (delivery: PendingPush) => Promise<PushContent | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly log: Logger;
  readonly background: (task: Promise<unknown>) => void;
  readonly onResult: (provider: string, result: PushResult) => void;
}

/** How long a lease lasts before another node may send the push: longer than any provider takes for a batch. */
const LEASE_MS = 2 * MINUTE_MS;
const MAX_ATTEMPTS = 10;
const FIRST_RETRY_MS = 15_000;
const MAX_RETRY_MS = 30 * MINUTE_MS;
/** Expo has receipts after 15 minutes and keeps them for a day. */
const RECEIPT_AFTER_MS = 15 * MINUTE_MS;
const RECEIPT_KEPT_MS = DAY_MS;
const RECEIPTS_AT_ONCE = 300;
const DEAD_KEPT_MS = 30 * DAY_MS;
/** Uses the real clock, not `deps.clock`: it limits how long the process takes to stop. */
const CLOSE_TIMEOUT_MS = 2_000;

export const createPushWorker = (deps: PushWorkerDeps): PushWorker => {
  const { database, provider, outbox, contentOf, clock, random, newId, log, background, onResult } = deps;
  const closing = new AbortController();
  let isAwake = false;
  let running: Promise<void> | undefined;
  let isClosed = false;
  /** When the pause ends that the provider asked for. */
  let pausedUntil = 0;

  const backoff = (attempts: number): number => {
    const ceiling = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
    const jitter = Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
    return Math.round(ceiling * (0.5 + jitter / 2));
  };

  const moveToDeadLetters = async (
    tx: UnitOfWork,
    { delivery, lease }: Leased,
    error: string,
  ): Promise<void> => {
    const { token_key: tokenKey, subject_id: subjectId } = delivery;
    const givenUp = await tx.first(queries.giveUp, { tokenKey, subjectId, lease });
    if (!givenUp) return;
    const now = clock.now();
    const { kind, attempts, created_at: createdAt } = givenUp;
    const letter = { id: newId(now), tokenKey, kind, subjectId, attempts, error, createdAt, now };
    await tx.all(queries.addDeadLetter, letter);
  };

  /**
   * Records the outcome of one push. Does nothing to a delivery whose lease another node has taken over: that node
   * settles it.
   */
  const settle = async (
    tx: UnitOfWork,
    leased: Leased,
    outcome: PushOutcome | undefined,
  ): Promise<PushResult> => {
    const { delivery, lease, content } = leased;
    const { token_key: tokenKey, subject_id: subjectId, revision, attempts } = delivery;
    const now = clock.now();
    if (outcome?.state === "gone") {
      await tx.all(queries.dropToken, { tokenKey });
      return "gone";
    }
    if (outcome?.state === "refused" || (outcome?.state === "failed" && attempts >= MAX_ATTEMPTS)) {
      await moveToDeadLetters(tx, leased, outcome.error);
      return "dead";
    }
    if (outcome?.state === "failed") {
      const dueAt = now + Math.max(backoff(attempts), outcome.retryAfterMs ?? 0);
      await tx.all(queries.retryLater, { tokenKey, subjectId, lease, dueAt });
      return "retried";
    }
    if (outcome?.ticket !== undefined) {
      const { ticket } = outcome;
      await tx.all(queries.addReceipt, { ticket, tokenKey, dueAt: now + RECEIPT_AFTER_MS, now });
    }
    if (!(await tx.first(queries.removeUnchanged, { tokenKey, subjectId, lease, revision }))) {
      const { from_segment: segment, from_position: position } = delivery;
      const next = content?.next ?? { segment, position };
      await tx.all(queries.sendNewer, { tokenKey, subjectId, lease, ...next, now });
    }
    return outcome ? "sent" : "dropped";
  };

  const deliver = async (contents: readonly PushContent[]): Promise<readonly PushOutcome[]> => {
    if (contents.length === 0) return [];
    try {
      const messages = contents.map(({ message }) => message);
      return await provider.send(messages, closing.signal);
    } catch (error) {
      log.warn({ provider: provider.name, error }, "The provider may not have accepted the pushes");
      return contents.map(() => ({ state: "failed", error: "unknown" }));
    }
  };

  const sendBatch = async (): Promise<boolean> => {
    const now = clock.now();
    if (now < pausedUntil || !(await database.read.first(queries.isDue, { now }))) return false;
    const lease = newId<string>(now);
    const deliveries = await database.write(async (tx) => {
      // One node at a time: otherwise two nodes would lease the same rows.
      await tx.lock("push:lease");
      return tx.all(queries.lease, { now, until: now + LEASE_MS, lease, limit: provider.batchSize });
    });
    const leased = await Promise.all(
      deliveries.map(async (delivery): Promise<Leased> => {
        const content = await contentOf(delivery);
        const isServed = content && provider.serves.includes(content.message.provider);
        return { delivery, lease, content: isServed ? content : undefined };
      }),
    );
    const toSend = leased.flatMap((push) => (push.content ? [{ push, content: push.content }] : []));
    const outcomes = await deliver(toSend.map(({ content }) => content));
    const outcomeByPush = new Map(toSend.map(({ push }, index) => [push, outcomes[index] ?? NO_ANSWER]));
    for (const outcome of outcomes) {
      if (outcome.state !== "failed" || outcome.retryAfterMs === undefined) continue;
      pausedUntil = Math.max(pausedUntil, clock.now() + outcome.retryAfterMs);
    }
    const results = await database.write(async (tx) => {
      const results: PushResult[] = [];
      for (const push of leased) results.push(await settle(tx, push, outcomeByPush.get(push)));
      return results;
    });
    for (const result of results) onResult(provider.name, result);
    return deliveries.length > 0;
  };

  const readReceipts = async (): Promise<boolean> => {
    const now = clock.now();
    if (!provider.receipts || !(await database.read.first(queries.areReceiptsDue, { now }))) return false;
    const due = await database.write(async (tx) => {
      await tx.lock("push:receipts");
      const until = now + RECEIPT_AFTER_MS;
      return tx.all(queries.leaseReceipts, { now, until, limit: RECEIPTS_AT_ONCE });
    });
    const tickets = due.map(({ ticket }) => ticket);
    const receipts = await provider.receipts(tickets, closing.signal).catch((error: unknown) => {
      log.warn({ provider: provider.name, error }, "Receipts could not be read");
      return undefined;
    });
    if (!receipts) return false;
    await database.write(async (tx) => {
      for (const { ticket, token_key: tokenKey, created_at } of due) {
        const receipt = receipts.get(ticket);
        if (receipt?.state === "gone") await tx.all(queries.dropToken, { tokenKey });
        else if (receipt || now - created_at > RECEIPT_KEPT_MS)
          await tx.all(queries.forgetReceipt, { ticket });
      }
    });
    for (const receipt of receipts.values()) {
      if (receipt.state === "gone") onResult(provider.name, "gone");
      else if (receipt.state !== "delivered") {
        onResult(provider.name, "dead");
        log.warn(
          { provider: provider.name, error: receipt.error },
          "The provider accepted a push but could not deliver it",
        );
      }
    }
    return due.length > 0;
  };

  const run = async (): Promise<void> => {
    while (isAwake && !isClosed) {
      isAwake = false;
      for (let isBusy = true; isBusy && !isClosed;) {
        isBusy = await outbox.expand(provider.serves);
        if (await sendBatch()) isBusy = true;
        if (await readReceipts()) isBusy = true;
      }
    }
  };

  const wake = (): void => {
    isAwake = true;
    if (running || isClosed) return;
    running = run().finally(() => {
      running = undefined;
      // Something may have come between the last check and here.
      if (isAwake) wake();
    });
    background(running);
  };

  return {
    wake,
    tick: wake,
    prune: async (now) => {
      await database.write((tx) =>
        tx.all(queries.forgetDeadLetters, { before: leastIdAt(now - DEAD_KEPT_MS) }),
      );
    },
    close: async () => {
      isClosed = true;
      const timer = setTimeout(() => closing.abort(), CLOSE_TIMEOUT_MS);
      await running?.catch(() => {});
      clearTimeout(timer);
    },
  };
};

interface Leased {
  readonly delivery: PendingPush & { readonly revision: number; readonly attempts: number };
  readonly lease: string;
  /** `undefined` when there is nothing to tell any more, or when the provider cannot reach the token. */
  readonly content: PushContent | undefined;
}

const NO_ANSWER: PushOutcome = { state: "failed", error: "no-answer" };

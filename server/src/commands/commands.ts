import { prepare, type Database, type UnitOfWork } from "@edvoyage/db";
import type { CommandId, Id, Position, UserId } from "@edvoyage/protocol";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { eraseUntilNone, type ErasurePart } from "../account/personal-data.ts";

/** The student and the command id behind a change. */
export interface CommandSource {
  readonly userId: UserId;
  /** `null` when the client sends no id; then a retry takes effect again. */
  readonly commandId: CommandId | null;
}

/** A mutation with an id that the device made. */
export interface Command extends CommandSource {
  /** The name of the procedure, for example `chat.send`. */
  readonly procedure: string;
  /** The parsed input of the call, as plain JSON. */
  readonly input: unknown;
  readonly now: number;
}

/** A value in a receipt. Ids are branded strings; the type rejects plain strings, so that a receipt never stores text. */
type ReceiptValue = Id<string> | Position | number | boolean | null;

/**
 * The stored result of a command that took effect: an id, or named ids, positions, instants, counts and flags. `{}` when the
 * input is enough to answer a retry. Its JSON has at most `MAX_RECEIPT_BYTES`.
 */
export type Receipt<Shape> = Id<string> | Readonly<Record<keyof Shape, ReceiptValue>>;

/**
 * Makes mutations idempotent: a command takes effect once, no matter how often it arrives.
 *
 * Both methods return the receipt, for the first arrival and for a retry. A caller builds its answer from the receipt and the
 * input only. Facts of the command itself (an id, a position, when it took effect) come from the receipt. Everything that can
 * change later is read again through the feature's own read path, so a retry gets the entity as it is now and as the student
 * may see it now. A retry of a command that took effect is never refused because of later changes: when the entity is gone or
 * no longer visible to the student, the answer has the ids and no text.
 */
export interface Commands {
  /**
   * Runs `act` inside the unit of work, unless the command has already taken effect. A second arrival waits for the first.
   * An error from `act` rolls back everything, including the command's row; only commands that took effect are kept, for
   * 90 days. Throws `input/invalid` when the id was already used with other content.
   */
  run<Kept extends Receipt<Kept>>(tx: UnitOfWork, command: Command, act: () => Promise<Kept>): Promise<Kept>;
  /** Runs a command like `run`, in its own unit of work. Resolves after the commit. */
  execute<Kept extends Receipt<Kept>>(
    source: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Kept>,
  ): Promise<Kept>;
  /** Forgets commands older than 90 days. */
  prune(now: number): Promise<void>;
}

const KEPT_MS = 90 * DAY_MS;

/** The limit of a receipt's JSON. The largest one takes 150 bytes: two ids and two instants, or an id, a position and an instant. */
const MAX_RECEIPT_BYTES = 256;

/**
 * The prefix of each stored receipt. Rows without it hold whole answers, stored by versions before receipts; their fields
 * include those of the receipt. A node of such a version would return a receipt as the answer. The prefix makes it invalid
 * JSON there, so the call fails with a 500 and the device retries until it reaches an upgraded node.
 */
const RECEIPT_PREFIX = "receipt:";

const claim = prepare<{ userId: UserId; commandId: CommandId; digest: string; at: number }>()(
  (query, param) =>
    query
      .insertInto("commands")
      .values({
        user_id: param.userId,
        command_id: param.commandId,
        digest: param.digest,
        answer: null,
        at: param.at,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning("command_id"),
);

const byId = prepare<{ userId: UserId; commandId: CommandId }>()((query, param) =>
  query
    .selectFrom("commands")
    .select(["digest", "answer"])
    .where("user_id", "=", param.userId)
    .where("command_id", "=", param.commandId),
);

const storeReceipt = prepare<{ userId: UserId; commandId: CommandId; receipt: string }>()((query, param) =>
  query
    .updateTable("commands")
    .set({ answer: param.receipt })
    .where("user_id", "=", param.userId)
    .where("command_id", "=", param.commandId),
);

// Called every hour, so it deletes at most an hour's worth of rows.
const forget = prepare<{ before: number }>()((query, param) =>
  query.deleteFrom("commands").where("at", "<", param.before),
);

const ERASED_AT_ONCE = 500;

const eraseSome = prepare<{ userId: UserId }>()((query, param) =>
  query
    .deleteFrom("commands")
    .where("user_id", "=", param.userId)
    .where("command_id", "in", (eb) =>
      eb
        .selectFrom("commands")
        .select("command_id")
        .where("user_id", "=", param.userId)
        .limit(ERASED_AT_ONCE),
    )
    .returning("command_id"),
);

/** Deletes a student's commands in batches: 90 days may hold 100,000, too many for one unit of work. */
export const createCommandErasure = (): ErasurePart => ({
  name: "commands",
  erase: async (userId, run) => {
    await eraseUntilNone(run, (tx) => tx.all(eraseSome, { userId }));
  },
});

export const createCommands = ({
  database,
  clock,
}: {
  readonly database: Database;
  readonly clock: Clock;
}): Commands => {
  const run: Commands["run"] = async (tx, { userId, commandId, procedure, input, now }, act) => {
    if (commandId === null) return act();
    const digest = sha256(JSON.stringify([procedure, input]));
    if (await tx.first(claim, { userId, commandId, digest, at: now })) {
      const receipt = await act();
      await tx.all(storeReceipt, { userId, commandId, receipt: toStored(receipt) });
      return receipt;
    }
    const first = await tx.first(byId, { userId, commandId });
    if (!first || first.digest !== digest || first.answer === null) {
      throw new AppError("input/invalid", "This command id belongs to another command.", {
        issues: [{ path: "commandId", message: "Already used with other content" }],
      });
    }
    return parseStored(first.answer);
  };

  return {
    run,
    execute: (source, command, act) => {
      const now = clock.now();
      return database.write((tx) => run(tx, { ...source, ...command, now }, () => act(tx, now)));
    },
    prune: async (now) => {
      await database.write((tx) => tx.all(forget, { before: now - KEPT_MS }));
    },
  };
};

/** Throws for a receipt that is too large. That is a bug of the procedure, and the error rolls the command back. */
const toStored = (receipt: unknown): string => {
  const json = JSON.stringify(receipt);
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes > MAX_RECEIPT_BYTES)
    throw new Error(`A receipt of ${sizeBytes} bytes is larger than ${MAX_RECEIPT_BYTES} bytes`);
  return RECEIPT_PREFIX + json;
};

const parseStored = (stored: string) =>
  JSON.parse(stored.startsWith(RECEIPT_PREFIX) ? stored.slice(RECEIPT_PREFIX.length) : stored);

import { prepare, type Database, type UnitOfWork } from "@edvoyage/db";
import type { CommandId, Id, Position, UserId } from "@edvoyage/protocol";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { eraseUntilNone, type ErasurePart } from "../account/personal-data.ts";

/** Who asks for a change. */
export interface CommandSource {
  readonly userId: UserId;
  /** `null` for a client that sends none: what it asks for takes effect each time. */
  readonly commandId: CommandId | null;
}

/** A mutation that carries an id made on the device. */
export interface Command extends CommandSource {
  /** Such as `chat.send`. */
  readonly procedure: string;
  /** What it was called with: plain JSON, parsed. */
  readonly input: unknown;
  readonly now: number;
}

/** What a receipt may hold. An id is a branded string; a plain string is none, so that no text is ever kept. */
type ReceiptValue = Id<string> | Position | number | boolean | null;

/**
 * What is kept of a command that took effect: an id, or named ids, positions, instants, counts and flags. `{}` when the input
 * says it all. `MAX_RECEIPT_BYTES` bounds its JSON.
 */
export type Receipt<Shape> = Id<string> | Readonly<Record<keyof Shape, ReceiptValue>>;

/**
 * Makes a mutation take effect once, however often it arrives.
 *
 * Both methods return the receipt, of the first arrival and of a repetition alike. A caller makes its answer from the receipt
 * and the input alone: facts of the command itself (an id, a position, when it took effect) are the receipt's; whatever can
 * change later is read again through the feature's own read path. So a repetition answers with the entity as it is now, and as
 * the student may see it now. A command that took effect is never refused for what happened since: when the entity is gone, or
 * not visible to the student any more, the answer has the ids and no words.
 */
export interface Commands {
  /**
   * Runs `act` inside the unit of work, unless the command has taken effect already. A second arrival waits for the first.
   * What `act` throws undoes everything, the command's record included: only what took effect is kept, for 90 days. Throws
   * `input/invalid` for other content under a known id.
   */
  run<Kept extends Receipt<Kept>>(tx: UnitOfWork, command: Command, act: () => Promise<Kept>): Promise<Kept>;
  /** The same in a unit of work of its own. Resolves after the commit. */
  execute<Kept extends Receipt<Kept>>(
    asking: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Kept>,
  ): Promise<Kept>;
  /** Forgets commands older than 90 days. */
  prune(now: number): Promise<void>;
}

const KEPT_MS = 90 * DAY_MS;

/** Of a receipt's JSON. The largest takes 150 bytes: two ids and two instants, or an id, a position and an instant. */
const MAX_RECEIPT_BYTES = 256;

/**
 * Before each receipt that is stored. Rows without it are whole answers, kept by versions before receipts; their fields
 * include those of the receipt. A node of such a version would hand a receipt out as the answer: because of the mark it is no
 * JSON there, the call fails with a 500, and the device asks again until it meets an upgraded node.
 */
const RECEIPT_MARK = "receipt:";

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

const known = prepare<{ userId: UserId; commandId: CommandId }>()((query, param) =>
  query
    .selectFrom("commands")
    .select(["digest", "answer"])
    .where("user_id", "=", param.userId)
    .where("command_id", "=", param.commandId),
);

const settle = prepare<{ userId: UserId; commandId: CommandId; receipt: string }>()((query, param) =>
  query
    .updateTable("commands")
    .set({ answer: param.receipt })
    .where("user_id", "=", param.userId)
    .where("command_id", "=", param.commandId),
);

// Called every hour: there is never more than an hour's worth.
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

/** A student may have sent 100,000 in 90 days: more than one unit of work should delete. */
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
      await tx.all(settle, { userId, commandId, receipt: toStored(receipt) });
      return receipt;
    }
    const first = await tx.first(known, { userId, commandId });
    if (!first || first.digest !== digest || first.answer === null) {
      throw new AppError("input/invalid", "This command id belongs to another command.", {
        issues: [{ path: "commandId", message: "Already used with another content" }],
      });
    }
    return parseStored(first.answer);
  };

  return {
    run,
    execute: (asking, command, act) => {
      const now = clock.now();
      return database.write((tx) => run(tx, { ...asking, ...command, now }, () => act(tx, now)));
    },
    prune: async (now) => {
      await database.write((tx) => tx.all(forget, { before: now - KEPT_MS }));
    },
  };
};

/** Throws for a receipt that is too large, which undoes the command: a bug of the procedure. */
const toStored = (receipt: unknown): string => {
  const json = JSON.stringify(receipt);
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes > MAX_RECEIPT_BYTES) throw new Error(`A receipt of ${sizeBytes} bytes is more than ids`);
  return RECEIPT_MARK + json;
};

const parseStored = (stored: string) =>
  JSON.parse(stored.startsWith(RECEIPT_MARK) ? stored.slice(RECEIPT_MARK.length) : stored);

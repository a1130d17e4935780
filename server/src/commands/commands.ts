import { prepare, type Database, type UnitOfWork } from "@edvoyage/db";
import type { CommandId, UserId } from "@edvoyage/protocol";
import { DAY_MS, type Clock } from "../clock.ts";
import { sha256 } from "../crypto.ts";
import { AppError } from "../errors.ts";
import { eraseUntilNone, type ErasurePart } from "../student-data.ts";

/** Who asks for a change. */
export interface Asking {
  readonly userId: UserId;
  /** `null` for a client that sends none: what it asks for takes effect each time. */
  readonly commandId: CommandId | null;
}

/** A mutation that carries an id made on the device. */
export interface Command extends Asking {
  /** Such as `chat.send`. */
  readonly procedure: string;
  /** What it was called with: plain JSON, parsed. */
  readonly input: unknown;
  readonly now: number;
}

/** Makes a mutation take effect once, however often it arrives. */
export interface Commands {
  /**
   * Runs `act` inside the unit of work unless the command has taken effect already: then its first answer is given
   * again. A second arrival waits for the first. What `act` throws undoes everything, the command's record
   * included: only final answers are kept. They are kept for 90 days, so they hold nothing that is told of other students
   * or by them: it may have to go before. Throws `input/invalid` for other content under a known id.
   */
  run<Answer>(tx: UnitOfWork, command: Command, act: () => Promise<Answer>): Promise<Answer>;
  /** The same with a unit of work of its own, for what one command does alone. */
  execute<Answer>(
    asking: Asking,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Answer>,
  ): Promise<Answer>;
  /** Forgets commands older than 90 days. */
  prune(now: number): Promise<void>;
}

const KEPT_MS = 90 * DAY_MS;

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

const settle = prepare<{ userId: UserId; commandId: CommandId; answer: string }>()((query, param) =>
  query
    .updateTable("commands")
    .set({ answer: param.answer })
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
      const answer = await act();
      await tx.all(settle, { userId, commandId, answer: JSON.stringify(answer) });
      return answer;
    }
    const first = await tx.first(known, { userId, commandId });
    if (!first || first.digest !== digest || first.answer === null) {
      throw new AppError("input/invalid", "This command id belongs to another command.", {
        issues: [{ path: "commandId", message: "Already used with another content" }],
      });
    }
    return JSON.parse(first.answer);
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

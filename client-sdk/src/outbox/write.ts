import type { CommandId } from "@edvoyage/protocol";
import type { Outbox } from "./api.ts";

/** A change that is on the device's disk, and its fate on the server. */
export interface Write<Answer = unknown> {
  /** The id of its command in the outbox. It is also the id of what the command creates. */
  readonly id: string;
  /**
   * Resolves with the server's answer; a write that a later one replaced settles as that one. Rejects with the server's reason,
   * or with `discarded`, `signed-out`, `closed`, `refused-on-the-way`. A rejection that nobody handles is not reported.
   * After a restart, `client.outbox.settled(id)` continues to wait.
   */
  readonly settled: Promise<Answer>;
}

/** Creates a write that has nothing to do on the server. */
export const createDoneWrite = (id: CommandId): Write<null> => ({ id, settled: Promise.resolve(null) });

/**
 * Returns the write of a command that was added to the outbox. Without a disk nothing is safe on the device, so it waits for the
 * server's answer there, and throws its reason.
 */
export const toWrite = async <Answer>(
  outbox: Pick<Outbox, "settled" | "isDurable">,
  id: CommandId,
): Promise<Write<Answer>> => {
  const write = createWrite<Answer>(outbox, id);
  if (!outbox.isDurable) await write.settled;
  return write;
};

/** Creates the write of a command that is in the outbox. */
export const createWrite = <Answer>(outbox: Pick<Outbox, "settled">, id: CommandId): Write<Answer> => ({
  id,
  // The server's answer to this command has this type.
  settled: outbox.settled(id) as Promise<Answer>,
});

import type { CommandId } from "@edvoyage/protocol";

/** A change that is on the device's disk, and its fate on the server. */
export interface Write<Answer = unknown> {
  /** The id of its command in the outbox. It is also the id of what the command creates. */
  readonly id: CommandId;
  /**
   * Resolves with the server's answer; a write that a later one replaced settles as that one. Rejects with the server's reason,
   * or with `discarded`, `signed-out`, `closed`, `refused-on-the-way`. A rejection that nobody handles is not reported.
   * After a restart, `client.outbox.settled(id)` continues to wait.
   */
  readonly settled: Promise<Answer>;
}

/** Creates a write that has nothing to do on the server. */
export const createDoneWrite = (id: CommandId): Write<undefined> => ({
  id,
  settled: Promise.resolve(undefined),
});

import type { CommandId, RoomId } from "@edvoyage/protocol";
import type { QueuedInputs, QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { Clock } from "../runtime/clock.ts";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import type { Records } from "../storage/records.ts";
import type { Change, Peers } from "../storage/storage.ts";
import type { Entries } from "./command-list.ts";
import type { NewCommand, QueuedCommand } from "./new-command.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import type { CloseReason } from "./settlements.ts";

/**
 * A student's commands that the server has not accepted yet. They survive the end of the program at any moment. Each takes
 * effect once: it is sent until the answer is stored on the device, and the server recognizes a repeated command by its id.
 */
export interface Outbox {
  /** In the order in which they were added. */
  readonly entries: Entries;
  /** Whether commands outlive the app. Without a disk, a write waits for the server's answer. */
  readonly isDurable: boolean;
  /** Returns a command; `undefined` if it is not in the outbox. */
  get(id: CommandId): OutboxEntry | undefined;
  /** Observes the commands with this `roomId` in their input. */
  inRoom(roomId: RoomId): Entries;
  /** Observes the commands of an area, such as "social". */
  inArea(area: string): Entries;
  /**
   * Resolves with the server's answer to a command, now or before a restart; rejects with its reason. Throws `not-found` for a
   * command that this device never had, or that ended long ago. A rejection that nobody handles is not reported.
   */
  settled(id: CommandId): Promise<unknown>;
  /**
   * Resolves when the command is stored on the device. Throws `device/full`, `device/failed`, `closed`, `limit/reached`
   * (outboxEntries, 10,000).
   */
  add<P extends QueuedProcedure>(procedure: P, command: NewCommand<P>): Promise<OutboxEntry>;
  /** Adds several commands, all or none, together with other changes of the store. */
  addAll(commands: readonly QueuedCommand[], changes?: readonly Change[]): Promise<void>;
  /** Sends a failed command again, under its id. Throws `not-found`. */
  retry(id: CommandId): Promise<void>;
  /** Deletes a command permanently. Throws `not-found`, and `conflict` while it is being sent. */
  discard(id: CommandId): Promise<void>;
  /**
   * Changes the input of a command; its id and place stay. Returns `false` and does nothing if the command may have been
   * sent, because the server accepts an id with one input only.
   */
  rewrite<P extends QueuedProcedure>(id: CommandId, input: QueuedInputs[P]): Promise<boolean>;
  /** Deletes commands, all or none. Returns `false` and does nothing if any of them may have been sent. */
  withdraw(ids: readonly CommandId[]): Promise<boolean>;
  /** Removes acknowledged commands that the copy of their room contains. `changes` writes that copy in the same step. */
  forget(ids: readonly CommandId[], changes?: readonly Change[]): Promise<void>;
  /** Removes a failed command that reached the server after all, and settles it with the answer that was lost. */
  reached(id: CommandId, answer: unknown): Promise<void>;
  /**
   * Stores that edits of the user document are on the server, and tells those who wait for them. `changes` removes them from
   * the document's journal in the same step.
   */
  endEdits(ids: readonly CommandId[], changes: readonly Change[]): Promise<void>;
  /** Retries all waiting commands now, except those that the server asked to send later. */
  wake(): void;
  /**
   * Resolves when no command is pending. Throws `outbox/not-empty` when that takes longer than `timeoutMs`, unless only
   * background commands are left.
   */
  flush(options: { readonly timeoutMs: number }): Promise<void>;
  /** Stops sending; pending commands stay stored. Whoever waits for one is told `reason` (default: "closed"). */
  close(reason?: CloseReason): void;
}

export interface OutboxDeps {
  readonly records: Records;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  /** Sends a command and returns the server's answer; for `document.edit`, the id of the edit that takes its place. */
  readonly send: (entry: OutboxEntry) => Promise<unknown>;
  /** Whether there is a session to send with, and a network. */
  readonly canSend: () => boolean;
  /** Whether the store is on a disk. Default: yes. */
  readonly isDurable?: () => boolean;
  /** Returns whether an edit of the user document has not reached the server yet. */
  readonly isPendingEdit?: (id: CommandId) => boolean;
  /** Called with each answer before its command is removed. */
  readonly onAnswer?: (entry: OutboxEntry, answer: unknown) => void;
  readonly onFault: (error: unknown) => void;
  /** Set when several programs share the store: only one of them sends. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
}

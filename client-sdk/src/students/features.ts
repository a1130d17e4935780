import type { CommandId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { AreaChanges } from "../reads/area-changes.ts";
import type { Reads } from "../reads/reads.ts";
import type { Observable } from "../runtime/observable.ts";
import type { SyncStatus } from "../sync/status.ts";
import type { StudentContext } from "./student-context.ts";

/** The open data of a signed-in student in every client, whichever parts of the SDK an app uses. */
export interface CoreFeatures {
  readonly reads: Reads;
  readonly areas: AreaChanges;
  /** The state of the connection to the server; `undefined` in a client without a socket. */
  readonly connection?: Observable<SyncStatus["connection"]>;
  /** How news reach the device; `undefined` in a client without a socket. */
  readonly transport?: Observable<SyncStatus["transport"]>;
  /** The number of edits that are not on the server yet, in addition to the outbox. */
  readonly pendingEdits?: Observable<number>;
  /** Retries an edit of the user document that was refused before. Returns the id of the edit that takes its place. */
  editDocument(input: OutboxEntry<"document.edit">["input"]): Promise<CommandId>;
  /** Returns whether an edit of the user document has not reached the server yet. */
  isPendingEdit?(id: CommandId): boolean;
  /** Called when a command of the outbox was answered. */
  settled(entry: OutboxEntry, answer: unknown): void;
  /** Called when the network is back, the app was opened, or there is a new key. */
  wake(): void;
  /** Resolves when everything that was written here is on the server. Throws `outbox/not-empty`. */
  flush(options: { readonly timeoutMs: number }): Promise<void>;
  close(): Promise<void>;
}

/** The dependencies of features. */
export interface FeatureContext {
  readonly account: StudentContext;
  readonly token: () => string | undefined;
  /** Returns whether there is a key to connect with. */
  readonly canConnect: () => boolean;
  /** Called when the server has closed a socket because there is no session. */
  readonly onNoSession: () => void;
}

/** Opens the features of a student. */
export type OpenFeatures<F extends CoreFeatures> = (context: FeatureContext) => Promise<F>;

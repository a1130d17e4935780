import type { UserId } from "@edvoyage/protocol";
import type { Clock } from "../runtime/clock.ts";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ServerApi } from "../rpc/server-api.ts";
import type { Records } from "../storage/records.ts";
import type { Peers } from "../storage/storage.ts";

/** Something that went wrong without anybody waiting for it. The SDK has dealt with it; it is told for the logs. */
export interface Problem {
  readonly kind:
    /** A record of the store is damaged and was set aside under `damaged/`. */
    | "record-damaged"
    /** A session, or its key, cannot be read any more: its student has to sign in again. */
    | "session-lost"
    /** What came from the server could not be kept on the device: it is fetched again next time. */
    | "not-kept"
    /** The copy of a room was not of the server's making, or the server was put back: it was fetched afresh. */
    | "room-rebuilt"
    /** The server refused the user document: the copy was set aside, fetched afresh, and the own edits made again. */
    | "document-rebuilt"
    /** A fault of the SDK or of a listener. */
    | "fault";
  readonly message: string;
  readonly cause?: unknown;
}

/** What every feature of a signed-in student works with. All of it is hers alone. */
export interface StudentContext {
  readonly userId: UserId;
  readonly records: Records;
  readonly outbox: Outbox;
  /** Calls as this student. */
  readonly rpc: ServerApi;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly report: (problem: Problem) => void;
  /** For the tabs of a browser: `name` is the store's. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
}

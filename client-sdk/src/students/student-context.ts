import type { UserId } from "@edvoyage/protocol";
import type { Clock } from "../runtime/clock.ts";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import type { Problem } from "../runtime/problem.ts";
import type { Outbox } from "../outbox/api.ts";
import type { ServerApi } from "../rpc/server-api.ts";
import type { Records } from "../storage/records.ts";
import type { Peers } from "../storage/storage.ts";

/** The dependencies of every feature of a signed-in student. Everything in it belongs to this student only. */
export interface StudentContext {
  readonly userId: UserId;
  readonly records: Records;
  readonly outbox: Outbox;
  /** Calls the server as this student. */
  readonly rpc: ServerApi;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly report: (problem: Problem) => void;
  /** Set for the tabs of a browser. `name` is the name of the store. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
}

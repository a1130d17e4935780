import type { Database } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import type { Audit } from "../audit/audit.ts";
import type { Background } from "../platform/background.ts";
import type { NewId } from "../platform/crypto.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { ServerDeps } from "../server.ts";

/** The things that most features need, created once for each server. */
export interface Frame extends ServerDeps, Pick<Background, "background"> {
  readonly database: Database;
  readonly newId: NewId;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly audit: Audit;
}

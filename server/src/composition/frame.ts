import type { Database } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import type { Audit } from "../audit/audit.ts";
import type { Background } from "../platform/background.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { NewId, Random } from "../platform/crypto.ts";
import type { Secrets } from "../platform/data-dir.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { SteadyClock } from "../platform/steady-clock.ts";
import type { PushProvider } from "../push/provider.ts";
import type { SmsProvider } from "../sms/sms.ts";

/** The configuration of a server and the outside world that it works in. */
export interface ServerDeps {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly smsProvider: SmsProvider;
  /** `undefined` sends nothing: queued pushes wait until a server with a provider runs. */
  readonly pushProvider: PushProvider | undefined;
}

/** The things that most features need, created once for each server. */
export interface Frame extends ServerDeps, Pick<Background, "background"> {
  readonly database: Database;
  readonly newId: NewId;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly steadyClock: SteadyClock;
}

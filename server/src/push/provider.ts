import type { Platform, PushProviderName } from "@edvoyage/protocol";

/** What a device is to be told. */
export interface PushMessage {
  readonly token: string;
  readonly provider: PushProviderName;
  readonly platform: Platform;
  readonly title: string;
  readonly body: string;
  /** For the app: what to open. */
  readonly data: Readonly<Record<string, string>>;
  /** A later one under the same name takes the place of an earlier one on the device. At most 64 bytes. */
  readonly collapseId: string;
}

/** What became of one message. */
export type PushOutcome =
  /** The provider has it; a ticket asks later what became of it. */
  | { readonly state: "taken"; readonly ticket?: string }
  /** The token leads nowhere any more. */
  | { readonly state: "gone" }
  /** It will never be taken. */
  | { readonly state: "refused"; readonly error: string }
  /** Nobody knows, or not now: it is tried again. */
  | { readonly state: "failed"; readonly error: string; readonly retryAfterMs?: number | undefined };

/** What a provider says of a message that it took; none is known yet for a ticket that is not there. */
export type PushReceipts = ReadonlyMap<
  string,
  Exclude<PushOutcome, { state: "taken" }> | { state: "delivered" }
>;

/** Carries pushes to devices. */
export interface PushProvider {
  readonly name: "log" | "file" | PushProviderName;
  /** Messages of one `send` at the most. */
  readonly batchSize: number;
  /** Whose tokens it can reach. */
  readonly serves: readonly PushProviderName[];
  /** One outcome for each message, in their order. What it throws leaves all of them unknown. */
  send(messages: readonly PushMessage[], signal: AbortSignal): Promise<readonly PushOutcome[]>;
  /** For providers that give tickets. */
  readonly receipts?: (tickets: readonly string[], signal: AbortSignal) => Promise<PushReceipts>;
}

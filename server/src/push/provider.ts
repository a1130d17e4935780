import type { Platform, PushProviderName } from "@edvoyage/protocol";

/** A push for one device. */
export interface PushMessage {
  readonly token: string;
  readonly provider: PushProviderName;
  readonly platform: Platform;
  readonly title: string;
  readonly body: string;
  /** Tells the app what to open. */
  readonly data: Readonly<Record<string, string>>;
  /** A later push with the same id replaces an earlier one on the device. At most 64 bytes. */
  readonly collapseId: string;
}

/** The outcome of one message. */
export type PushOutcome =
  /** The provider accepted it. With the ticket, a receipt can be requested later. */
  | { readonly state: "taken"; readonly ticket?: string }
  /** The token is no longer valid. */
  | { readonly state: "gone" }
  /** The provider will never accept it. */
  | { readonly state: "refused"; readonly error: string }
  /** The outcome is unknown, or the provider cannot accept it now: it is retried. */
  | { readonly state: "failed"; readonly error: string; readonly retryAfterMs?: number | undefined };

/** Final outcomes by ticket, for messages that the provider accepted. A ticket that is missing has no receipt yet. */
export type PushReceipts = ReadonlyMap<
  string,
  Exclude<PushOutcome, { state: "taken" }> | { state: "delivered" }
>;

/** Delivers pushes to devices. */
export interface PushProvider {
  readonly name: "log" | "file" | PushProviderName;
  /** The most messages that one `send` takes. */
  readonly batchSize: number;
  /** The providers whose tokens it can reach. */
  readonly serves: readonly PushProviderName[];
  /**
   * Sends messages; returns one outcome for each, in their order. If it throws, the outcome of all of them is unknown.
   */
  send(messages: readonly PushMessage[], signal: AbortSignal): Promise<readonly PushOutcome[]>;
  /** Reads receipts; only for providers that return tickets. */
  readonly receipts?: (tickets: readonly string[], signal: AbortSignal) => Promise<PushReceipts>;
}

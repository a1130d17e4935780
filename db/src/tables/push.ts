import type {
  NotificationId,
  Platform,
  PushProviderName,
  RoomId,
  SessionId,
  UserId,
} from "@edvoyage/protocol";
import type { DeviceKey } from "./sign-in.ts";

/** What students chose for all their pushes; no row is no previews. Read by `notifications` and `push`. */
export interface PushSettingsTable {
  user_id: UserId;
  /** 0 or 1: whether a push shows what a message says. */
  shows_previews: number;
}

/** Where pushes go: devices, each with the session that registered it last. Read by `push`. */
export interface PushTokensTable {
  /** SHA-256 of provider and token, base64url. */
  key: string;
  token: string;
  provider: PushProviderName;
  platform: Platform;
  user_id: UserId;
  session_id: SessionId;
  /** The session's. Whoever else signs in on the device takes the token away. */
  device_key: DeviceKey;
  registered_at: number;
}

/** What a push is about. */
export type PushKind = "message" | "notification";

/**
 * What happened and was not yet fanned out to devices: one row, however many there are. Read by `push`, in the order of
 * its ids.
 */
export interface PushEventsTable {
  id: string;
  kind: PushKind;
  /** The message's or the notification's. */
  subject_id: string;
  /** Whom the notification is for; `null` for a message, which is for those in its room. */
  user_id: UserId | null;
  /** Members up to this one have their deliveries. */
  after_user_id: UserId | null;
}

/** What a device is still to be told: one row a device and room, or a device and notification. Read by `push`. */
export interface PushDeliveriesTable {
  token_key: string;
  /** The room with news, or the notification. */
  subject_id: RoomId | NotificationId;
  kind: PushKind;
  /** Of a room: where what it is not told of yet begins. */
  from_segment: number;
  from_position: number;
  /** Counts what happened since the row was made: what came while it was being sent is told afterwards. */
  revision: number;
  attempts: number;
  /** Who sends it now; `null` for nobody. */
  lease: string | null;
  /** When it may be sent; while it is being sent, when somebody else may. */
  due_at: number;
  created_at: number;
}

/** Pushes that a provider took and will tell the fate of. Read by `push`. */
export interface PushReceiptsTable {
  ticket: string;
  token_key: string;
  due_at: number;
  created_at: number;
}

/** Pushes that were given up, for 30 days. Read by `admin.push.list`. */
export interface PushDeadLettersTable {
  id: string;
  user_id: UserId;
  provider: PushProviderName;
  kind: PushKind;
  subject_id: string;
  attempts: number;
  /** What the provider said last, in its own code. */
  error: string;
  created_at: number;
  died_at: number;
}

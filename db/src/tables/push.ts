import type {
  NotificationId,
  Platform,
  PushProviderName,
  RoomId,
  SessionId,
  UserId,
} from "@edvoyage/protocol";
import type { DeviceKey } from "./sign-in.ts";

/** Settings for all pushes of a student. Default without a row: no previews. Read by `notifications` and `push`. */
export interface PushSettingsTable {
  user_id: UserId;
  /** 0 or 1: whether a push shows the text of a message. */
  shows_previews: number;
}

/** Push tokens of devices, each with the session that registered it last. Read by `push`. */
export interface PushTokensTable {
  /** SHA-256 of provider and token, base64url. */
  key: string;
  token: string;
  provider: PushProviderName;
  platform: Platform;
  user_id: UserId;
  session_id: SessionId;
  /** The device of the session. When another student signs in on the device, the token is removed. */
  device_key: DeviceKey;
  registered_at: number;
}

/** The kind of thing that a push is about. */
export type PushKind = "message" | "notification";

/**
 * Events that are not fanned out to devices yet: one row for each event, however many devices there are. Read by `push`, in
 * the order of their ids.
 */
export interface PushEventsTable {
  id: string;
  kind: PushKind;
  /** The id of the message or notification. */
  subject_id: string;
  /** The recipient of the notification; `null` for a message, whose recipients are the members of its room. */
  user_id: UserId | null;
  /** The deliveries of all members up to this id exist already. */
  after_user_id: UserId | null;
}

/** Pending pushes: one row for each device and room, or device and notification. Read by `push`. */
export interface PushDeliveriesTable {
  token_key: string;
  /** The room with new messages, or the notification. */
  subject_id: RoomId | NotificationId;
  kind: PushKind;
  /** For a room: the position from which on the device has had no push yet. */
  from_segment: number;
  from_position: number;
  /** The number of events since the row was created. If it grows during a delivery, another push follows. */
  revision: number;
  attempts: number;
  /** The lease of the sender that is sending it now; `null` for none. */
  lease: string | null;
  /** When it may be sent; during a lease, when the lease expires. */
  due_at: number;
  created_at: number;
}

/** Pushes that a provider accepted and whose receipts are still to be fetched. Read by `push`. */
export interface PushReceiptsTable {
  ticket: string;
  token_key: string;
  due_at: number;
  created_at: number;
}

/** Pushes that finally failed, kept for 30 days. Read by `admin.push.list`. */
export interface PushDeadLettersTable {
  id: string;
  user_id: UserId;
  provider: PushProviderName;
  kind: PushKind;
  subject_id: string;
  attempts: number;
  /** The provider's last error code. */
  error: string;
  created_at: number;
  died_at: number;
}

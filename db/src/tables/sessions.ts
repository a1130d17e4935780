import type { Generated } from "kysely";
import type { Platform, SessionId, UserId } from "@edvoyage/protocol";
import type { DeviceKey } from "./sign-in.ts";

/** The reason why a session ended. */
export type SessionEnd = "logout" | "revoked" | "replaced" | "limit" | "admin" | "restore" | "deleted";

/** Signed-in devices. An ended session is kept for 90 days, so that its device learns why it ended. Read by `sessions`. */
export interface SessionsTable {
  id: SessionId;
  user_id: UserId;
  device_key: DeviceKey;
  /** SHA-256 of the key, base64url. The key itself is not stored. */
  key_hash: string;
  device_name: string | null;
  platform: Platform;
  app_version: string | null;
  /** 0 or 1: whether the device keeps nothing. One such session of a student replaces the other. */
  ephemeral: Generated<number>;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
  ended_at: number | null;
  end_reason: SessionEnd | null;
}

/**
 * The log of ended and deleted sessions, kept for an hour: from it nodes learn of sessions that other nodes ended. Triggers
 * write one row for each session. Read by `sessions`.
 */
export interface SessionEndsTable {
  /** SQLite: increases with every row, in the order of commits. PostgreSQL: the id of the transaction that wrote the row. */
  position: Generated<number>;
  session_id: SessionId;
  /** When the row was written, by the clock of the database. */
  logged_at: number;
}

import type { Generated } from "kysely";
import type { Platform, SessionId, UserId } from "@edvoyage/protocol";
import type { DeviceKey } from "./sign-in.ts";

/** Why a session is over. */
export type SessionEnd = "logout" | "revoked" | "replaced" | "limit" | "admin" | "restore" | "deleted";

/** Signed-in devices; an ended one is kept for 90 days so that its key is told why. Read by `sessions`. */
export interface SessionsTable {
  id: SessionId;
  user_id: UserId;
  device_key: DeviceKey;
  /** SHA-256 of the key, base64url. The key itself is nowhere. */
  key_hash: string;
  device_name: string | null;
  platform: Platform;
  app_version: string | null;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
  ended_at: number | null;
  end_reason: SessionEnd | null;
}

/**
 * Sessions that ended or whose row was deleted, each once, for an hour: nodes read it to forget what others ended. Triggers
 * write it. Read by `sessions`.
 */
export interface SessionEndsTable {
  /** SQLite: grows with every row, in the order of commits. PostgreSQL: the number of the transaction that wrote the row. */
  position: Generated<number>;
  session_id: SessionId;
  /** By the database's own clock. */
  logged_at: number;
}

import type { UserId } from "@edvoyage/protocol";

/** Read by `auth` (who owns a number) and `sessions` (whom a key belongs to). */
export interface UsersTable {
  id: UserId;
  /** E.164, unique. */
  phone: string;
  created_at: number;
}

/** Read by `profile.get`. */
export interface ProfilesTable {
  user_id: UserId;
  name: string | null;
  updated_at: number;
}

import type { UserId } from "@edvoyage/protocol";

/** Read by `auth` (who owns a number), `sessions` (whom a key belongs to) and `account` (who is to be erased). */
export interface UsersTable {
  id: UserId;
  /** E.164, unique; of one whose erasure has begun it is `erased:<id>`, and her number is free. */
  phone: string;
  created_at: number;
  /** When she will be erased unless she signs in before; `null` for who has not asked for it. */
  erase_at: number | null;
}

/** What a student tells of herself; each part may be absent. Read by `profile`, her name by whatever names her. */
export interface ProfilesTable {
  user_id: UserId;
  name: string | null;
  /** `https:`. */
  photo_url: string | null;
  bio: string | null;
  institution: string | null;
  /** ISO 3166-1 alpha-2. */
  home_country: string | null;
  /** `YYYY-MM-DD`. */
  date_of_birth: string | null;
  /** JSON array of `Education`. */
  education: string | null;
  /** JSON array of `Work`. */
  work: string | null;
  /** JSON array of ISO 3166-1 alpha-2. */
  preferred_countries: string | null;
  /** JSON array of course levels. */
  preferred_levels: string | null;
  /** 0 or 1: whether whoever knows her number may find her by it. Read by `contacts`. */
  findable: number;
  updated_at: number;
}

/**
 * Who was erased: ids that lead nowhere, and nothing else once it is done. Restoring a backup erases them again. Read by
 * `account` and, of a database that is replaced, by a restore.
 */
export interface ErasuresTable {
  user_id: UserId;
  /** Masked, for the audit log; `null` once it is done. */
  phone: string | null;
  begun_at: number;
  /** When her last row was deleted. */
  done_at: number | null;
  /** When the last copies of her bytes were gone from the database file. */
  scrubbed_at: number | null;
}

import type { UserId } from "@edvoyage/protocol";

/** Students. Read by `auth` (the owner of a number), `sessions` (the owner of a key) and `account` (pending erasures). */
export interface UsersTable {
  id: UserId;
  /** E.164, unique. When an erasure has begun, it becomes `erased:<id>`, and the number can be registered again. */
  phone: string;
  created_at: number;
  /** When the student will be erased if they do not sign in before; `null` without a request for deletion. */
  erase_at: number | null;
}

/** Profiles of students; every field is optional. Read by `profile`; name and photo also by features that show students. */
export interface ProfilesTable {
  user_id: UserId;
  name: string | null;
  /** An `https:` URL. */
  photo_url: string | null;
  bio: string | null;
  institution: string | null;
  /** ISO 3166-1 alpha-2. */
  home_country: string | null;
  /** `YYYY-MM-DD`. */
  date_of_birth: string | null;
  /** A JSON array of `Education`. */
  education: string | null;
  /** A JSON array of `Work`. */
  work: string | null;
  /** A JSON array of ISO 3166-1 alpha-2 codes. */
  preferred_countries: string | null;
  /** A JSON array of course levels. */
  preferred_levels: string | null;
  /** 0 or 1: whether others may find the student by phone number. Read by `contacts`. */
  findable: number;
  updated_at: number;
}

/**
 * Erasures of students. When one is done, only the id remains, and it refers to nothing. A restore of a backup erases these
 * students again. Read by `account`, and by a restore from the database that it replaces.
 */
export interface ErasuresTable {
  user_id: UserId;
  /** The masked number for the audit log; `null` when the erasure is done. */
  phone: string | null;
  begun_at: number;
  /** When the student's last row was deleted. */
  done_at: number | null;
  /** When the last copies of the deleted data were removed from the database file. */
  scrubbed_at: number | null;
}

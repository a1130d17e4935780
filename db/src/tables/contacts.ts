import type { ContactId, UserId } from "@edvoyage/protocol";

/** The contacts and blocks of students. Read by `contacts`, `chat`, `social` and `notifications`. */
export interface ContactsTable {
  owner_id: UserId;
  contact_id: UserId;
  /** The id of the entry: the contact's user id, or the id of the number by which the contact was found. */
  id: ContactId;
  nickname: string | null;
  /** 0 or 1. */
  is_favourite: number;
  /** 0 or 1. */
  is_blocked: number;
  created_at: number;
  updated_at: number;
}

/** Phone numbers among students' contacts, with or without a student who has the number. Read by `contacts`. */
export interface ContactNumbersTable {
  owner_id: UserId;
  id: ContactId;
  /** E.164; unique for each owner. */
  phone: string;
  /** With `is_favourite`: what the entry shows while it has no contact, and after the contact was erased. */
  nickname: string | null;
  /** 0 or 1. */
  is_favourite: number;
  /** 0 or 1: whether the entry was ever bound to a student with this number. It is never bound to a second one. */
  is_bound: number;
  /**
   * The student who had the number when the entry was created, or the first one afterwards; `null` for none, and after
   * their erasure. The owner never sees it.
   */
  holder_id: UserId | null;
  /** The same student, once the owner may know them; then `contacts` has a row for them. */
  contact_id: UserId | null;
  created_at: number;
  updated_at: number;
}

/** Rate limit for adding numbers, for each student. Read by `contacts`. */
export interface ContactNumberAllowancesTable {
  owner_id: UserId;
  /** When the full allowance is available again. */
  full_at: number;
}

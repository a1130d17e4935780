import type { ContactId, UserId } from "@edvoyage/protocol";

/** Whom a student knows, and whom she blocks. Read by `contacts`, `chat`, `social` and `notifications`. */
export interface ContactsTable {
  owner_id: UserId;
  contact_id: UserId;
  /** The entry's own: the contact's id, or that of the number by which she was found. */
  id: ContactId;
  nickname: string | null;
  /** 0 or 1. */
  is_favourite: number;
  /** 0 or 1. */
  is_blocked: number;
  created_at: number;
  updated_at: number;
}

/** Numbers that students have among their contacts, whoever has them, if anybody. Read by `contacts`. */
export interface ContactNumbersTable {
  owner_id: UserId;
  id: ContactId;
  /** E.164, once for each owner. */
  phone: string;
  /** With `is_favourite`, what the entry shows without its contact, and again when she is gone. */
  nickname: string | null;
  /** 0 or 1. */
  is_favourite: number;
  /** 0 or 1: whether there was a student with this number already. An entry goes over to no second one. */
  is_bound: number;
  /** The student who had the number when the entry was made, or the first one after; `null` when she is gone, too. No owner sees it. */
  holder_id: UserId | null;
  /** The same student once the owner may know: then `contacts` has her. */
  contact_id: UserId | null;
  created_at: number;
  updated_at: number;
}

/** How many numbers a student may still add. Read by `contacts`. */
export interface ContactNumberAllowancesTable {
  owner_id: UserId;
  /** When the allowance is whole again. */
  full_at: number;
}

import type { ContactId, UserId } from "./ids.ts";

/** An entry in a student's contacts: a student whom the owner knows or blocks, or only a phone number. */
export interface SentContact {
  /** The id of the entry; it stays when the owner of the number becomes known. `update` and `remove` take it. */
  readonly id: ContactId;
  /** The contact's account; `null` for a number whose owner is unknown, whether or not it has one. */
  readonly userId: UserId | null;
  /** E.164; `null` for a contact that was not added by number. */
  readonly phone: string | null;
  /** The name in the contact's own profile; `null` if there is none or the contact has blocked the owner. */
  readonly name: string | null;
  /** The owner's name for the contact. */
  readonly nickname: string | null;
  readonly favourite: boolean;
  /** Neither of the two can open a room with the other, add the other to a room, or write to the other directly. */
  readonly blocked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A change of a contact. Missing fields stay as they are. */
export interface ContactChange {
  /** `null` removes it. */
  readonly nickname?: string | null | undefined;
  readonly favourite?: boolean | undefined;
  readonly blocked?: boolean | undefined;
}

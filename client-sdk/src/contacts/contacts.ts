import type { ContactId, UserId } from "@edvoyage/protocol";
import { withoutItem, type Access } from "../access.ts";
import type { Page } from "../page.ts";
import type { Fresh, Projections, ReadOptions, ReadSnapshot } from "../reads/query.ts";
import type { Unsubscribe } from "../observable.ts";

/** Somebody whom a student knows or blocks. */
export interface Contact {
  readonly id: ContactId;
  /** What she calls herself. */
  readonly name: string | null;
  /** What the owner calls her. */
  readonly nickname: string | null;
  readonly favourite: boolean;
  /** Neither of the two opens a room with the other, adds her to one, or writes to her alone. */
  readonly blocked: boolean;
  /** A change of it waits in the outbox; what is shown has it already. */
  readonly isPending: boolean;
}

/** What a change of a contact leaves as it is, it does not name. */
export interface ContactChange {
  /** `null` takes it away. */
  readonly nickname?: string | null;
  readonly favourite?: boolean;
  readonly blocked?: boolean;
}

/** All contacts, in the order of their ids. */
export interface ContactList {
  readonly items: readonly Contact[];
}

/** A student's contacts. Changes are kept on the device and sent when there is a network; `outbox` shows refusals. */
export interface Contacts {
  list(options?: ReadOptions): Promise<Fresh<ContactList>>;
  watch(listener: (snapshot: ReadSnapshot<ContactList>) => void): Unsubscribe;
  /** Each returns the id of its command in the outbox. */
  add(userId: string, options?: { readonly nickname?: string }): Promise<string>;
  /** Blocking somebody makes her a contact. */
  update(userId: string, change: ContactChange): Promise<string>;
  /** Takes her off the list, and the block with her. */
  remove(userId: string): Promise<string>;
}

type Known = Omit<Contact, "isPending">;

export const createContacts = ({ open, act }: Access): Contacts => {
  const view = open<"contacts.list", ContactList>({ procedure: "contacts.list", input: {}, count: Infinity });
  return {
    list: view.get,
    watch: view.watch,
    add: act("contacts.add", "userId"),
    update: act("contacts.update", "userId"),
    remove: act("contacts.remove", "userId"),
  };
};

/** What the list will be once the server has what waits. */
export const contactProjections: Projections = {
  "contacts.list": (list, { entry, answer }) => {
    if (entry.state !== "pending") return list;
    if (entry.procedure === "contacts.remove") return withoutItem(list, entry.input.userId);
    if (entry.procedure !== "contacts.add" && entry.procedure !== "contacts.update") return list;
    const { userId, ...change } = entry.input;
    const former = list?.items.find(({ id }) => id === userId);
    // Only a block makes somebody a contact that was none; another change of such a one will be refused.
    if (!former && entry.procedure === "contacts.update" && !entry.input.blocked) return list;
    const changed: Known = {
      ...newContact(userId),
      ...former,
      ...change,
      ...(answer as Partial<Known> | undefined),
    };
    return withContact(list, changed);
  },
};

const withContact = (list: Page<Known> | undefined, contact: Known): Page<Known> => ({
  nextCursor: null,
  ...list,
  items: [...(list?.items ?? []).filter(({ id }) => id !== contact.id), contact].sort(byId),
});

const byId = (one: Known, other: Known): number => (one.id < other.id ? -1 : 1);

const newContact = (id: UserId): Known => ({
  id,
  name: null,
  nickname: null,
  favourite: false,
  blocked: false,
});

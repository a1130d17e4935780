import type { ContactId, UserId } from "@edvoyage/protocol";
import { withoutItem, type Access } from "../students/access.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Fresh, Projections, ReadOptions, ReadSnapshot } from "../reads/query.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** Somebody whom a student knows or blocks, or a number of somebody. */
export interface Contact {
  /** The entry's own; it stays when it turns out whose the number is. */
  readonly id: ContactId;
  /** Who she is as a student; `null` for a number of which that is not known, whether or not it is anybody's. */
  readonly userId: UserId | null;
  /** E.164, or as the owner wrote it until the server has it; `null` for whom she did not add by a number. */
  readonly phone: string | null;
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

/** A student's contacts. Entries go by their id or by the student's. Changes are kept on the device and sent when there is a network; `outbox` shows refusals. */
export interface Contacts {
  list(options?: ReadOptions): Promise<Fresh<ContactList>>;
  watch(listener: (snapshot: ReadSnapshot<ContactList>) => void): Unsubscribe;
  /** Each returns the id of its command in the outbox. */
  add(userId: string, options?: { readonly nickname?: string }): Promise<string>;
  /**
   * Adds whoever has a number, as people write it: "07400 123456" is read in the country of the owner's own. The id is the
   * entry's, too, unless the number is on the list already. `userId` is there once both have each other's number, or when she lets
   * herself be found.
   */
  addByNumber(phone: string, options?: { readonly nickname?: string }): Promise<string>;
  /** Blocking a student makes her a contact; a number of nobody known is refused with `conflict`. */
  update(id: string, change: ContactChange): Promise<string>;
  /** Takes her off the list, and the block and the number with her. */
  remove(id: string): Promise<string>;
}

type Known = Omit<Contact, "isPending">;

export const createContacts = ({ open, queue, act }: Access): Contacts => {
  const view = open<"contacts.list", ContactList>({ procedure: "contacts.list", input: {}, count: Infinity });
  return {
    list: view.get,
    watch: view.watch,
    add: (id, more) => queue("contacts.add", { userId: id as UserId, ...more }, { about: id }),
    addByNumber: (phone, more) => queue("contacts.add", { phone, ...more }, { about: phone }),
    update: act("contacts.update", "userId"),
    remove: act("contacts.remove", "userId"),
  };
};

/** What the list will be once the server has what waits. */
export const contactProjections: Projections = {
  "contacts.list": (list, { entry, answer }) => {
    if (entry.state !== "pending" || !isAboutContact(entry)) return list;
    const former = list?.items.find((contact) => isMeant(contact, entry));
    if (entry.procedure === "contacts.remove") return withoutItem(list, former?.id ?? "");
    const change: ContactChange = entry.input;
    const {
      nickname = former?.nickname ?? null,
      favourite = former?.favourite ?? false,
      blocked = former?.blocked ?? false,
    } = change;
    // Only a block makes somebody a contact that was none, and only of a student; anything else will be refused.
    if (entry.procedure === "contacts.update" && (former ? blocked && !former.userId : !blocked)) return list;
    const contact: Known = {
      ...whoIsMeant(entry),
      name: null,
      ...former,
      nickname,
      favourite,
      blocked,
      ...(answer as Partial<Known> | undefined),
    };
    // The entry that the server answers with may be one that was there under another id.
    const others = list?.items.filter(({ id }) => id !== former?.id && id !== contact.id) ?? [];
    return { nextCursor: null, ...list, items: [...others, contact].sort(byId) };
  },
};

type ContactEntry = OutboxEntry<"contacts.add" | "contacts.update" | "contacts.remove">;

const isAboutContact = (entry: OutboxEntry): entry is ContactEntry => entry.procedure.startsWith("contacts.");

/** An entry goes by its own id, by the student's, and while it is added by its number. */
const isMeant = ({ id, userId, phone }: Known, { id: commandId, input }: ContactEntry): boolean =>
  "phone" in input
    ? id === (commandId as string) || phone === withoutSeparators(input.phone)
    : id === input.userId || userId === input.userId;

const withoutSeparators = (phone: string): string => phone.replaceAll(/[^+\d]/g, "");

const byId = (one: Known, other: Known): number => (one.id < other.id ? -1 : 1);

const whoIsMeant = ({ id, input }: ContactEntry): Pick<Known, "id" | "userId" | "phone"> =>
  "phone" in input
    ? { id: id as string as ContactId, userId: null, phone: input.phone }
    : { id: input.userId, userId: input.userId as UserId, phone: null };

import {
  WRITTEN_PHONE,
  type ContactChange,
  type ContactId,
  type Page,
  type UserId,
} from "@edvoyage/protocol";
import { assertPhone } from "../runtime/phone.ts";
import type { CurrentStudent } from "../students/current-student.ts";
import type { FeatureModule } from "../students/feature-module.ts";
import { inputChecks } from "../students/input-checks.ts";
import { withoutItem } from "../reads/changed-values.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Fresh, Projections, ReadOptions, ReadSnapshot } from "../reads/query.ts";
import type { AnswerTo, KnownContact } from "../rpc/server-api.ts";
import type { Write } from "../outbox/write.ts";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Unsubscribe } from "../runtime/observable.ts";

/** A student whom another student knows or blocks, or only a phone number. */
export interface Contact extends KnownContact {
  /** E.164, or as the owner typed it until the server has it; `null` for a contact that was not added by number. */
  readonly phone: string | null;
  /** A change waits in the outbox. The fields already include it. */
  readonly isPending: boolean;
  /** Why the last change was refused, or the contact itself; the command is in `outbox`. */
  readonly failure?: ErrorReason;
}

/** All contacts, in the order of their ids. */
export interface ContactList {
  readonly items: readonly Contact[];
}

/**
 * A student's contacts. A contact is found by its own id or by the student's id. Changes are stored on the device and sent
 * when there is a network; rejected ones are in `outbox`. Throws `input/invalid` for what the server would reject.
 */
export interface Contacts {
  /** Returns all contacts: from the device first, otherwise from the server. Throws `offline`. */
  list(options?: ReadOptions): Promise<Fresh<ContactList>>;
  /** Calls the listener with all contacts immediately and after each change. */
  watch(listener: (snapshot: ReadSnapshot<ContactList>) => void): Unsubscribe;
  /** Adds a student. */
  add(userId: string, options?: { readonly nickname?: string }): Promise<Write<AnswerTo<"contacts.add">>>;
  /**
   * Adds a contact by number, as people write it: "07400 123456" is read in the country of the student's own number. The command's
   * id is also the contact's, unless the number is already on the list. `userId` is known once both have each other's number, or
   * if the other student is findable. Throws `phone/invalid` for a text that cannot be a number.
   */
  addByNumber(
    phone: string,
    options?: { readonly nickname?: string },
  ): Promise<Write<AnswerTo<"contacts.add">>>;
  /** Changes a contact. Blocking a student creates a contact; blocking a number whose owner is unknown fails with `conflict`. */
  update(id: string, change: ContactChange): Promise<Write>;
  /** Removes the contact together with its block and number. */
  remove(id: string): Promise<Write>;
}

const createContacts = ({ open, queue, act, require }: CurrentStudent): Contacts => {
  const view = open<"contacts.list", ContactList>({ procedure: "contacts.list", input: {}, count: Infinity });
  return {
    list: view.get,
    watch: view.watch,
    add: (id, more) => queue("contacts.add", { userId: id as UserId, ...more }, { about: id }),
    addByNumber: async (phone, more) => {
      require();
      assertPhone(phone, WRITTEN_PHONE);
      return queue("contacts.add", { phone, ...more }, { about: phone });
    },
    update: act("contacts.update", "userId"),
    remove: act("contacts.remove", "userId"),
  };
};

/** Computes the list as it will be once the server has the pending commands. */
const contactProjections: Projections = {
  "contacts.list": (list, { entry, answer }) => {
    if (!isAboutContact(entry)) return list;
    if (entry.state === "failed") return withFailedAddition(list, entry);
    if (entry.state !== "pending") return list;
    const former = list?.items.find((contact) => isTarget(contact, entry));
    if (entry.procedure === "contacts.remove") return withoutItem(list, former?.id ?? "");
    const change: ContactChange = entry.input;
    const {
      nickname = former?.nickname ?? null,
      favourite = former?.favourite ?? false,
      blocked = former?.blocked ?? false,
    } = change;
    // Only a block can create a contact, and only for a student. The server rejects everything else.
    if (entry.procedure === "contacts.update" && (former ? blocked && !former.userId : !blocked)) return list;
    const contact: KnownContact = {
      ...targetOf(entry),
      name: null,
      ...former,
      nickname,
      favourite,
      blocked,
      ...(answer as Partial<KnownContact> | undefined),
    };
    // The server may answer with a contact that already existed under another id.
    const others = list?.items.filter(({ id }) => id !== former?.id && id !== contact.id) ?? [];
    return { nextCursor: null, ...list, items: [...others, contact].sort(byId) };
  },
};

/** The feature module for contacts. */
export const contacts: FeatureModule<Contacts> = {
  open: createContacts,
  projections: contactProjections,
  checks: inputChecks,
};

/** Adds a contact that the server refused, unless the list has it for another reason. */
const withFailedAddition = (
  list: Page<KnownContact> | undefined,
  entry: ContactEntry,
): Page<KnownContact> | undefined => {
  if (entry.procedure !== "contacts.add" || entry.state !== "failed") return list;
  if (list?.items.some((contact) => isTarget(contact, entry))) return list;
  const { nickname = null } = entry.input;
  const refused = {
    ...targetOf(entry),
    name: null,
    nickname,
    favourite: false,
    blocked: false,
    failure: entry.reason,
  };
  return { nextCursor: null, ...list, items: [...(list?.items ?? []), refused].sort(byId) };
};

type ContactEntry = OutboxEntry<"contacts.add" | "contacts.update" | "contacts.remove">;

const isAboutContact = (entry: OutboxEntry): entry is ContactEntry => entry.procedure.startsWith("contacts.");

/** Returns whether a command is about a contact: by its id, by the student's id, or by its number while it is being added. */
const isTarget = ({ id, userId, phone }: KnownContact, { id: commandId, input }: ContactEntry): boolean =>
  "phone" in input
    ? id === (commandId as string) || phone === withoutSeparators(input.phone)
    : id === input.userId || userId === input.userId;

const withoutSeparators = (phone: string): string => phone.replaceAll(/[^+\d]/g, "");

const byId = (one: KnownContact, other: KnownContact): number => (one.id < other.id ? -1 : 1);

const targetOf = ({ id, input }: ContactEntry): Pick<KnownContact, "id" | "userId" | "phone"> =>
  "phone" in input
    ? { id: id as string as ContactId, userId: null, phone: input.phone }
    : { id: input.userId, userId: input.userId as UserId, phone: null };

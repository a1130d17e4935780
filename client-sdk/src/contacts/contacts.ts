import type { UserId } from "@edvoyage/protocol";
import type { Account } from "../account.ts";
import { derive, type Observable, type Unsubscribe } from "../observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Fresh, Query, ReadOptions, Reads, ReadSnapshot } from "../reads/reads.ts";

/** Somebody whom a student knows or blocks. */
export interface Contact {
  readonly id: UserId;
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
  add(userId: string, options?: { readonly nickname?: string }): Promise<void>;
  /** Blocking somebody makes her a contact. */
  update(userId: string, change: ContactChange): Promise<void>;
  /** Takes her off the list, and the block with her. */
  remove(userId: string): Promise<void>;
}

/** The contacts of the student whose store is open. */
export interface ContactsService extends Omit<Contacts, "watch"> {
  readonly handle: Observable<ReadSnapshot<ContactList>>;
  /** A command was settled: what the server keeps has changed. */
  settled(entry: OutboxEntry, answer: unknown): Promise<void>;
}

const PAGE = 100;

type Known = Omit<Contact, "isPending">;

export const createContacts = ({ rpc, outbox }: Account, reads: Reads): ContactsService => {
  const query: Query<{ readonly items: readonly Known[] }> = {
    procedure: "contacts.list",
    input: null,
    fetch: async () => {
      const items: Known[] = [];
      let cursor: string | null = null;
      do {
        const page: { readonly items: readonly Known[]; readonly nextCursor: string | null } =
          await rpc.contacts.list.query({ cursor, limit: PAGE });
        items.push(...page.items.map(toKnown));
        cursor = page.nextCursor;
      } while (cursor !== null);
      return { items };
    },
  };
  const known = reads.watch(query);
  const waiting: Observable<readonly OutboxEntry[]> = outbox.entries;

  const handle = derive([known, waiting], (): ReadSnapshot<ContactList> => {
    const { value, ...rest } = known.value;
    return { ...rest, value: value && { ...value, items: withPending(value.items, waiting.value) } };
  });
  const lane = (userId: UserId): string => `contact/${userId}`;
  return {
    handle,
    list: async (options) => {
      const value = await reads.read(query, options);
      return { ...value, items: withPending(value.items, waiting.value) };
    },
    add: async (id, { nickname } = {}) => {
      const userId = toUserId(id);
      const input = { userId, ...(nickname === undefined ? {} : { nickname }) };
      await outbox.add("contacts.add", { lane: lane(userId), input });
    },
    update: async (id, change) => {
      const userId = toUserId(id);
      await outbox.add("contacts.update", { lane: lane(userId), input: { userId, ...change } });
    },
    remove: async (id) => {
      const userId = toUserId(id);
      await outbox.add("contacts.remove", { lane: lane(userId), input: { userId } });
    },
    settled: async (entry, answer) => {
      if (entry.procedure === "contacts.remove") {
        const { userId } = entry.input;
        await reads.update(query, ({ items }) => ({ items: items.filter(({ id }) => id !== userId) }));
      }
      if (entry.procedure === "contacts.add" || entry.procedure === "contacts.update") {
        const changed = toKnown(answer as Known);
        await reads.update(query, ({ items }) => ({
          items: [...items.filter(({ id }) => id !== changed.id), changed].sort(byId),
        }));
      }
    },
  };
};

/** What the list will be once the server has what waits. */
const withPending = (items: readonly Known[], waiting: readonly OutboxEntry[]): readonly Contact[] => {
  const contactById = new Map<UserId, Contact>(items.map((item) => [item.id, { ...item, isPending: false }]));
  for (const entry of waiting) {
    if (entry.state !== "pending") continue;
    if (entry.procedure === "contacts.remove") contactById.delete(entry.input.userId);
    if (entry.procedure === "contacts.add" || entry.procedure === "contacts.update") {
      const { userId, ...change } = entry.input;
      const former = contactById.get(userId);
      // Only a block makes somebody a contact that was none; another change of such a one will be refused.
      if (!former && entry.procedure === "contacts.update" && !entry.input.blocked) continue;
      contactById.set(userId, { ...(former ?? newContact(userId)), ...change, isPending: true });
    }
  }
  return [...contactById.values()].sort(byId);
};

const byId = (one: Known, other: Known): number => (one.id < other.id ? -1 : 1);

const newContact = (id: UserId): Contact => ({
  id,
  name: null,
  nickname: null,
  favourite: false,
  blocked: false,
  isPending: true,
});

const toKnown = ({ id, name, nickname, favourite, blocked }: Known): Known => ({
  id,
  name,
  nickname,
  favourite,
  blocked,
});

const toUserId = (id: string): UserId => id as UserId;

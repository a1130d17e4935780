import { CLOSE_CODES, type UserId } from "@edvoyage/protocol";
import { createDecoder, readVarString, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeUint8Array, writeVarString, writeVarUint } from "lib0/encoding";
import type { Random } from "../platform/crypto.ts";
import { drawClientId } from "./client-id.ts";
import type { Connection, DocumentMessage } from "./connection.ts";
import { awarenessFrame } from "./frames.ts";

/** Who is in a document now, and their state, such as whether they are typing. */
export interface Presence<Member> {
  /**
   * Takes a member's own state from an awareness update. An unmodified client also repeats the states of others; they are
   * ignored. Returns the fault of an invalid update.
   */
  receive(member: Member, update: Uint8Array): "malformed" | "too-large" | undefined;
  leave(member: Member): void;
  /**
   * The awareness update with all states except the member's own and those hidden from them; `undefined` when there are
   * none.
   */
  others(member: Member): Uint8Array | undefined;
  /** Returns what changed since the last call; `undefined` when nothing did. */
  takeChanges(): PresenceChanges<Member> | undefined;
  /**
   * Call when the students from whom a student is hidden changed. The next changes announce the student again to all who may
   * see them. Returns the update that removes the student for everybody else; `undefined` when the student is not here.
   */
  reannounce(userId: UserId): Uint8Array | undefined;
}

/** The student that a state belongs to. */
interface StateOwner {
  readonly userId: UserId;
}

/** Awareness updates with the changes of one interval. */
export interface PresenceChanges<Member> {
  /** The update for members whose own state did not change and from whom no changed state is hidden. */
  readonly all: Uint8Array;
  /** Whether a member gets less than `all`. */
  isPartial(member: Member): boolean;
  /** The update for such a member: without their own state and without hidden ones. `undefined` when nothing is left. */
  partFor(member: Member): Uint8Array | undefined;
}

/** The most entries of one awareness update: all of a full room, and some that just left. */
const MAX_ENTRIES = 1_024;
/** Never a client id. */
const NO_CLIENT_ID = -1;

/**
 * Keeps one state for each member. The server sets client id, clock and identity; it takes only the rest of the state from
 * the client. Changes are sent together; otherwise 200 members who come at once would cause 40,000 frames.
 */
export const createPresence = <Member extends StateOwner>(deps: {
  readonly random: Random;
  readonly maxStateBytes: number;
  /** The students from whom a student is hidden; nearly always nobody. */
  readonly hiddenFrom: (userId: UserId) => ReadonlySet<UserId>;
}): Presence<Member> => {
  const { hiddenFrom } = deps;
  const stateByMember = new Map<Member, State>();
  const memberById = new Map<number, Member>();
  let changes = new Map<number, Change>();

  const leave = (member: Member): void => {
    const state = stateByMember.get(member);
    if (!state) return;
    stateByMember.delete(member);
    memberById.delete(state.id);
    changes.set(state.id, { userId: member.userId, encoded: encodeRemoval(state) });
  };

  return {
    receive: (member, update) => {
      const entries = parseAwareness(update);
      if (!entries) return "malformed";
      const previous = stateByMember.get(member);
      // Find the member's own entry: the one under its previous client id; the first time, any id that the server did
      // not draw.
      const own = entries.find(({ clientId, json }) =>
        previous ? clientId === previous.clientId : !memberById.has(clientId) && json !== "null",
      );
      if (!own) return undefined;
      if (own.json === "null") {
        leave(member);
        return undefined;
      }
      if (Buffer.byteLength(own.json) > deps.maxStateBytes) return "too-large";
      const ownState = parseState(own.json);
      if (!ownState) return "malformed";
      const id = previous?.id ?? drawClientId(deps.random, (drawn) => memberById.has(drawn));
      const clock = (previous?.clock ?? 0) + 1;
      const { userId } = member;
      const json = JSON.stringify({ ...ownState, user: { id: userId } });
      const encoded = encodeEntry(id, clock, json);
      stateByMember.set(member, { id, clientId: own.clientId, clock, json, encoded });
      memberById.set(id, member);
      changes.set(id, { userId, encoded });
      return undefined;
    },

    leave,

    others: (member) => {
      const entries = [...stateByMember].flatMap(([other, { encoded }]) =>
        other === member || hiddenFrom(other.userId).has(member.userId) ? [] : [encoded],
      );
      return entries.length > 0 ? joinEntries(entries) : undefined;
    },

    takeChanges: () => {
      if (changes.size === 0) return undefined;
      const taken = changes;
      changes = new Map();
      const idOf = (member: Member): number => stateByMember.get(member)?.id ?? NO_CLIENT_ID;
      const hiddenSets = [...taken.values()].flatMap(({ userId }) => {
        const hidden = hiddenFrom(userId);
        return hidden.size > 0 ? [hidden] : [];
      });
      return {
        all: joinEntries([...taken.values()].map(({ encoded }) => encoded)),
        isPartial: (member) =>
          taken.has(idOf(member)) || hiddenSets.some((hidden) => hidden.has(member.userId)),
        partFor: (member) => {
          const own = idOf(member);
          const rest = [...taken].flatMap(([id, { userId, encoded }]) =>
            id === own || hiddenFrom(userId).has(member.userId) ? [] : [encoded],
          );
          return rest.length > 0 ? joinEntries(rest) : undefined;
        },
      };
    },

    reannounce: (userId) => {
      const removals = [...stateByMember].flatMap(([member, state]) => {
        if (member.userId !== userId) return [];
        // Higher than the clock of the removal, for members who see the student again.
        const clock = state.clock + 2;
        const encoded = encodeEntry(state.id, clock, state.json);
        stateByMember.set(member, { ...state, clock, encoded });
        changes.set(state.id, { userId, encoded });
        return [encodeRemoval(state)];
      });
      return removals.length > 0 ? joinEntries(removals) : undefined;
    },
  };
};

/** Sends the changes to every member, in one frame each. */
export const broadcastPresence = (presence: Presence<Connection>, members: Iterable<Connection>): void => {
  const changes = presence.takeChanges();
  if (!changes) return;
  const frame = awarenessFrame(changes.all);
  for (const member of members) {
    if (!changes.isPartial(member)) {
      member.send(frame);
      continue;
    }
    const rest = changes.partFor(member);
    if (rest) member.send(awarenessFrame(rest));
  }
};

/** Handles a presence message of a socket; closes the socket if the message is invalid. */
export const receivePresence = (
  presence: Presence<Connection>,
  connection: Connection,
  message: Extract<DocumentMessage, { type: "awareness" | "query-awareness" }>,
): void => {
  if (message.type === "query-awareness") {
    const others = presence.others(connection);
    if (others) connection.send(awarenessFrame(others));
    return;
  }
  const fault = presence.receive(connection, message.update);
  if (fault === "malformed") connection.close(CLOSE_CODES.malformed, "Not an awareness update");
  if (fault === "too-large") connection.close(CLOSE_CODES.tooLarge, "The awareness state is too large");
};

interface State {
  /** The client id that the others see: drawn by the server, so that nobody can take another's. */
  readonly id: number;
  /** The client id that the client itself uses. */
  readonly clientId: number;
  readonly clock: number;
  readonly json: string;
  readonly encoded: Uint8Array;
}

interface Change extends StateOwner {
  readonly encoded: Uint8Array;
}

/** Parses the entries of an awareness update; `undefined` for malformed bytes. */
const parseAwareness = (
  update: Uint8Array,
): { readonly clientId: number; readonly json: string }[] | undefined => {
  try {
    const decoder = createDecoder(update);
    const count = readVarUint(decoder);
    if (count > MAX_ENTRIES) return undefined;
    return Array.from({ length: count }, () => {
      const clientId = readVarUint(decoder);
      readVarUint(decoder);
      return { clientId, json: readVarString(decoder) };
    });
  } catch {
    return undefined;
  }
};

const parseState = (json: string): object | undefined => {
  try {
    const state: unknown = JSON.parse(json);
    const isPlain = typeof state === "object" && state !== null && !Array.isArray(state);
    return isPlain && !Object.hasOwn(state, "__proto__") ? state : undefined;
  } catch {
    return undefined;
  }
};

const encodeEntry = (id: number, clock: number, json: string): Uint8Array => {
  const encoder = createEncoder();
  writeVarUint(encoder, id);
  writeVarUint(encoder, clock);
  writeVarString(encoder, json);
  return toUint8Array(encoder);
};

const encodeRemoval = ({ id, clock }: State): Uint8Array => encodeEntry(id, clock + 1, "null");

const joinEntries = (entries: readonly Uint8Array[]): Uint8Array => {
  const encoder = createEncoder();
  writeVarUint(encoder, entries.length);
  for (const entry of entries) writeUint8Array(encoder, entry);
  return toUint8Array(encoder);
};

import { CLOSE_CODES, type UserId } from "@edvoyage/protocol";
import { createDecoder, readVarString, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeUint8Array, writeVarString, writeVarUint } from "lib0/encoding";
import type { Random } from "../platform/crypto.ts";
import { drawClientId } from "./client-id.ts";
import type { Connection, DocumentMessage } from "./connection.ts";
import { awarenessFrame } from "./frames.ts";

/** Who is in a document now, and what each says of it, such as that she types. */
export interface Presence<Member> {
  /**
   * Takes a member's own state out of an awareness update. A stock client also repeats what it heard of others: that
   * is nobody's word. Returns why nothing was taken, if that is an offence.
   */
  hear(member: Member, update: Uint8Array): "malformed" | "too-large" | undefined;
  leave(member: Member): void;
  /** The awareness update with every state but the member's own and those hidden from her; `undefined` when there is none. */
  others(member: Member): Uint8Array | undefined;
  /** What changed since the last call; `undefined` when nothing did. */
  takeChanges(): PresenceChanges<Member> | undefined;
  /**
   * It changed from whom a student hides: all who may see her are told anew, with the next changes. Returns what takes her
   * from the sight of those who did until now; `undefined` when she is not here.
   */
  renew(userId: UserId): Uint8Array | undefined;
}

/** Of whom a state is. */
interface Someone {
  readonly userId: UserId;
}

/** Awareness updates with what changed in a while. */
export interface PresenceChanges<Member> {
  /** For members who said nothing in that while, and from whom nobody hides who did. */
  readonly all: Uint8Array;
  /** Whether a member gets less than all. */
  isPartial(member: Member): boolean;
  /** For such a one: without herself, whom she would else see twice, and who hides from her. `undefined` when nothing is left. */
  partFor(member: Member): Uint8Array | undefined;
}

/** Entries of one awareness update that are looked at: all that a full room has, and some that just left. */
const MAX_ENTRIES = 1_024;
/** No client id. */
const NOBODY = -1;

/**
 * Keeps one state a member. Client id, clock and identity are the server's word: of what the client says only the
 * rest of its state is taken. Changes are joined: 200 members who come at once would else cause 40,000 frames.
 */
export const createPresence = <Member extends Someone>(deps: {
  readonly random: Random;
  readonly maxStateBytes: number;
  /** From whom a student hides: nearly always nobody. */
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
    changes.set(state.id, { userId: member.userId, encoded: encodeGone(state) });
  };

  return {
    hear: (member, update) => {
      const entries = parseAwareness(update);
      if (!entries) return "malformed";
      const known = stateByMember.get(member);
      // Its own is the one under the id that it came with, at first any that is none of ours.
      const own = entries.find(({ clientId, json }) =>
        known ? clientId === known.clientId : !memberById.has(clientId) && json !== "null",
      );
      if (!own) return undefined;
      if (own.json === "null") {
        leave(member);
        return undefined;
      }
      if (Buffer.byteLength(own.json) > deps.maxStateBytes) return "too-large";
      const said = parseState(own.json);
      if (!said) return "malformed";
      const id = known?.id ?? drawClientId(deps.random, (drawn) => memberById.has(drawn));
      const clock = (known?.clock ?? 0) + 1;
      const { userId } = member;
      const json = JSON.stringify({ ...said, user: { id: userId } });
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
      const idOf = (member: Member): number => stateByMember.get(member)?.id ?? NOBODY;
      const hiding = [...taken.values()].flatMap(({ userId }) => {
        const hidden = hiddenFrom(userId);
        return hidden.size > 0 ? [hidden] : [];
      });
      return {
        all: joinEntries([...taken.values()].map(({ encoded }) => encoded)),
        isPartial: (member) => taken.has(idOf(member)) || hiding.some((hidden) => hidden.has(member.userId)),
        partFor: (member) => {
          const own = idOf(member);
          const rest = [...taken].flatMap(([id, { userId, encoded }]) =>
            id === own || hiddenFrom(userId).has(member.userId) ? [] : [encoded],
          );
          return rest.length > 0 ? joinEntries(rest) : undefined;
        },
      };
    },

    renew: (userId) => {
      const gone = [...stateByMember].flatMap(([member, state]) => {
        if (member.userId !== userId) return [];
        // After the one that takes her away, for those who see her again.
        const clock = state.clock + 2;
        const encoded = encodeEntry(state.id, clock, state.json);
        stateByMember.set(member, { ...state, clock, encoded });
        changes.set(state.id, { userId, encoded });
        return [encodeGone(state)];
      });
      return gone.length > 0 ? joinEntries(gone) : undefined;
    },
  };
};

/** Sends every member what changed, in one frame each. */
export const tellPresence = (presence: Presence<Connection>, members: Iterable<Connection>): void => {
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

/** Takes what a socket says of its student's presence, and closes it for what is no such thing. */
export const hearPresence = (
  presence: Presence<Connection>,
  connection: Connection,
  message: Extract<DocumentMessage, { type: "awareness" | "query-awareness" }>,
): void => {
  if (message.type === "query-awareness") {
    const others = presence.others(connection);
    if (others) connection.send(awarenessFrame(others));
    return;
  }
  const offence = presence.hear(connection, message.update);
  if (offence === "malformed") connection.close(CLOSE_CODES.malformed, "Not an awareness update");
  if (offence === "too-large") connection.close(CLOSE_CODES.tooLarge, "The awareness state is too large");
};

interface State {
  /** Under which the others see it: drawn by the server, so that nobody can take another's. */
  readonly id: number;
  /** Under which its client says it. */
  readonly clientId: number;
  readonly clock: number;
  readonly json: string;
  readonly encoded: Uint8Array;
}

interface Change extends Someone {
  readonly encoded: Uint8Array;
}

/** The entries of an awareness update; `undefined` for bytes that are none. */
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

const encodeGone = ({ id, clock }: State): Uint8Array => encodeEntry(id, clock + 1, "null");

const joinEntries = (entries: readonly Uint8Array[]): Uint8Array => {
  const encoder = createEncoder();
  writeVarUint(encoder, entries.length);
  for (const entry of entries) writeUint8Array(encoder, entry);
  return toUint8Array(encoder);
};

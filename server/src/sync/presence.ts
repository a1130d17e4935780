import { CLOSE_CODES, type UserId } from "@edvoyage/protocol";
import { createDecoder, readVarString, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeUint8Array, writeVarString, writeVarUint } from "lib0/encoding";
import type { Random } from "../crypto.ts";
import type { Connection, DocumentMessage } from "./connection.ts";
import { awarenessFrame } from "./frames.ts";

/** Who is in a document now, and what each says of it, such as that she types. */
export interface Presence<Member> {
  /**
   * Takes a member's own state out of an awareness update. A stock client also repeats what it heard of others: that
   * is nobody's word. Returns why nothing was taken, if that is an offence.
   */
  hear(member: Member, userId: UserId, update: Uint8Array): "malformed" | "too-large" | undefined;
  leave(member: Member): void;
  /** The awareness update with every state but the member's own; `undefined` when she is alone. */
  others(member: Member): Uint8Array | undefined;
  /** What changed since the last call; `undefined` when nothing did. */
  takeChanges(): PresenceChanges<Member> | undefined;
}

/** Awareness updates with what changed in a while. */
export interface PresenceChanges<Member> {
  /** For members who said nothing in that while. */
  readonly all: Uint8Array;
  /** Whether a member is among those who did. */
  includes(member: Member): boolean;
  /** For such a one: without herself, whom she would else see twice. `undefined` when nothing is left. */
  without(member: Member): Uint8Array | undefined;
}

/** Entries of one awareness update that are looked at: all that a full room has, and some that just left. */
const MAX_ENTRIES = 1_024;
/** No client id. */
const NOBODY = -1;

/**
 * Keeps one state a member. Client id, clock and identity are the server's word: of what the client says only the
 * rest of its state is taken. Changes are joined: 200 members who come at once would else cause 40,000 frames.
 */
export const createPresence = <Member>(deps: {
  readonly random: Random;
  readonly maxStateBytes: number;
}): Presence<Member> => {
  const stateByMember = new Map<Member, State>();
  const memberById = new Map<number, Member>();
  let changes = new Map<number, Uint8Array>();

  const drawId = (): number => {
    for (;;) {
      const id = Buffer.from(deps.random(4)).readUInt32BE();
      if (!memberById.has(id)) return id;
    }
  };

  const leave = (member: Member): void => {
    const state = stateByMember.get(member);
    if (!state) return;
    stateByMember.delete(member);
    memberById.delete(state.id);
    changes.set(state.id, encodeEntry(state.id, state.clock + 1, "null"));
  };

  return {
    hear: (member, userId, update) => {
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
      const id = known?.id ?? drawId();
      const clock = (known?.clock ?? 0) + 1;
      const encoded = encodeEntry(id, clock, JSON.stringify({ ...said, user: { id: userId } }));
      stateByMember.set(member, { id, clientId: own.clientId, clock, encoded });
      memberById.set(id, member);
      changes.set(id, encoded);
      return undefined;
    },

    leave,

    others: (member) => {
      const entries = [...stateByMember].flatMap(([other, { encoded }]) =>
        other === member ? [] : [encoded],
      );
      return entries.length > 0 ? joinEntries(entries) : undefined;
    },

    takeChanges: () => {
      if (changes.size === 0) return undefined;
      const taken = changes;
      changes = new Map();
      const idOf = (member: Member): number => stateByMember.get(member)?.id ?? NOBODY;
      return {
        all: joinEntries([...taken.values()]),
        includes: (member) => taken.has(idOf(member)),
        without: (member) => {
          const own = idOf(member);
          const rest = [...taken].flatMap(([id, encoded]) => (id === own ? [] : [encoded]));
          return rest.length > 0 ? joinEntries(rest) : undefined;
        },
      };
    },
  };
};

/** Sends every member what changed, in one frame each. */
export const tellPresence = (presence: Presence<Connection>, members: Iterable<Connection>): void => {
  const changes = presence.takeChanges();
  if (!changes) return;
  const frame = awarenessFrame(changes.all);
  for (const member of members) {
    if (!changes.includes(member)) {
      member.send(frame);
      continue;
    }
    const rest = changes.without(member);
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
  const offence = presence.hear(connection, connection.userId, message.update);
  if (offence === "malformed") connection.close(CLOSE_CODES.malformed, "Not an awareness update");
  if (offence === "too-large") connection.close(CLOSE_CODES.tooLarge, "The awareness state is too large");
};

interface State {
  /** Under which the others see it: drawn by the server, so that nobody can take another's. */
  readonly id: number;
  /** Under which its client says it. */
  readonly clientId: number;
  readonly clock: number;
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

const joinEntries = (entries: readonly Uint8Array[]): Uint8Array => {
  const encoder = createEncoder();
  writeVarUint(encoder, entries.length);
  for (const entry of entries) writeUint8Array(encoder, entry);
  return toUint8Array(encoder);
};

import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import type { NewRoom } from "../chat/room-creation.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import { sortByTime, type SeedAction, type SeedServices } from "./action.ts";
import {
  directConversations,
  groupConversations,
  groupNames,
  reactionEmoji,
  type Conversation,
} from "./conversations.ts";
import { createSeededRandom, type SeededRandom } from "./dice.ts";
import { fillText } from "./template.ts";
import type { Graph } from "./graph.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";

/** An invented room. */
interface SeededRoom {
  readonly name: string;
  readonly owner: SeededStudent;
  /** Members who write, including the owner. */
  readonly members: readonly SeededStudent[];
  readonly conversations: readonly Conversation[];
  /** How many conversations the room has. */
  readonly length: number;
  readonly openedAt: number;
  readonly input: NewRoom;
}

interface SeededMessage {
  readonly id: MessageId;
  readonly author: SeededStudent;
  readonly text: string;
  readonly replyTo: MessageId | null;
  readonly at: number;
}

const STUDENTS_PER_GROUP = 10;
const LEAST_GROUPS = 3;
const MOST_MEMBERS = 18;
/** Conversations of the first group: enough for a log of more than one segment. */
const LONG_HISTORY = 45;
const DIRECT_ROOMS_PER_STUDENT = 0.8;
const REACTIONS = 0.12;
const EDITS = 0.02;
const REMOVALS = 0.008;
const QUOTES = 0.12;
/** A position after every message: reading up to it is reading all. */
const AT_THE_END = { segment: 2 ** 31 - 1, index: 0 };
/** No message is sent in the last hour before the start of the world. */
const QUIET_MS = HOUR_MS;

/**
 * Plans rooms one after the other, each with its messages. Members of groups have the owner among their contacts;
 * others are invited.
 */
export const planRooms = (
  frame: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeedAction[] => {
  const groups = drawGroups(frame, students, graph);
  return [
    ...groups.flatMap(({ room, joining }) => planRoom(frame, room, joining)),
    ...drawDirectRooms(frame, students, graph).flatMap((room) => planRoom(frame, room, [])),
  ];
};

const drawGroups = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): { readonly room: SeededRoom; readonly joining: readonly SeededStudent[] }[] => {
  const friendsOf = (student: SeededStudent) => graph.friends[student.index] ?? [];
  // Developers sign in as the first student.
  const [first, ...others] = students;
  if (!first) return [];
  const sociable = others.toSorted(
    (one, other) => friendsOf(other).length - friendsOf(one).length || one.index - other.index,
  );
  const count = Math.max(LEAST_GROUPS, Math.round(students.length / STUDENTS_PER_GROUP));
  const names = new Set<string>();
  return [first, ...sociable].slice(0, count).map((owner, place) => {
    const dice = createSeededRandom(seed, "group", place);
    let name = fillText(dice.pick(groupNames), owner.words);
    for (let tries = 0; names.has(name) && tries < 20; tries += 1) {
      name = fillText(dice.pick(groupNames), dice.pick(students).words);
    }
    names.add(name);
    const friends = friendsOf(owner);
    // Friends of friends do not have the owner among their contacts: they are invited, and most of them join.
    const friendsOfFriends = [...new Set(friends.flatMap(friendsOf))].filter(
      (student) => student !== owner && !friends.includes(student),
    );
    const guests = dice.some(friendsOfFriends, dice.between(2, MOST_MEMBERS - friends.length));
    const joining = guests.slice(dice.below(3));
    const members = [owner, ...friends, ...joining];
    const openedAt = beganAt - (ACTIVE_DAYS - 3) * DAY_MS + dice.below(8 * DAY_MS);
    const memberIds = [...friends, ...guests].map(({ id }) => id);
    return {
      joining,
      room: {
        name: `group ${place}`,
        owner,
        members,
        conversations: groupConversations,
        length: place === 0 ? LONG_HISTORY : dice.between(3, 12),
        openedAt,
        input: { kind: "group", memberIds, name, history: place % 5 === 4 ? "fromJoining" : "all" },
      },
    };
  });
};

const drawDirectRooms = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeededRoom[] => {
  const dice = createSeededRandom(seed, "direct rooms");
  const pairs = dice.some(graph.pairs, Math.round(students.length * DIRECT_ROOMS_PER_STUDENT));
  return pairs.map(([owner, other]) => ({
    name: `direct ${owner.index} ${other.index}`,
    owner,
    members: [owner, other],
    conversations: directConversations,
    length: dice.between(1, 3),
    openedAt: beganAt - 4 * DAY_MS - dice.below((ACTIVE_DAYS - 6) * DAY_MS),
    input: { kind: "direct", memberIds: [other.id] },
  }));
};

const planRoom = (frame: WorldFrame, room: SeededRoom, joining: readonly SeededStudent[]): SeedAction[] => {
  const { owner, openedAt, input } = room;
  const dice = createSeededRandom(frame.seed, "room", room.name);
  const commandId = frame.idOf<CommandId>(openedAt, "room", room.name);
  const open = async ({ chat }: SeedServices): Promise<RoomId> =>
    (await chat.rooms.create({ userId: owner.id, commandId }, input)).id;
  // Creating the room again with the same command returns its id. Do that once in a unit of work.
  const idByServices = new WeakMap<SeedServices, RoomId>();
  const idIn = async (services: SeedServices): Promise<RoomId> => {
    const id = idByServices.get(services) ?? (await open(services));
    idByServices.set(services, id);
    return id;
  };
  const actOf = (
    at: number,
    run: (services: SeedServices, roomId: RoomId) => Promise<unknown>,
    adds: SeedAction["adds"] = null,
  ): SeedAction => ({ at, adds, run: async (services) => run(services, await idIn(services)) });

  const joined = joining.map(({ id }, place) =>
    actOf(openedAt + (place + 1) * 7 * MINUTE_MS, ({ chat }, roomId) =>
      chat.rooms.acceptInvitation({ userId: id, commandId: null }, { roomId }),
    ),
  );
  const messages = drawMessages(frame, room, dice);
  const sent = messages.map(({ id, author, text, replyTo, at }) =>
    actOf(
      at,
      ({ chat }, roomId) =>
        chat.messages.send({ userId: author.id, commandId: toCommandId(id) }, { roomId, text, replyTo }),
      "messages",
    ),
  );
  const changes = messages.flatMap((message) => planChanges(message, { room, dice, actOf }));
  const read = planReading(room, messages, { dice, actOf });
  return [
    actOf(openedAt, async () => {}, "rooms"),
    ...sortByTime(
      [...joined, ...sent, ...changes, ...read].filter(({ at }) => at < frame.beganAt - MINUTE_MS),
    ),
  ];
};

type ActOf = (
  at: number,
  run: (services: SeedServices, roomId: RoomId) => Promise<unknown>,
  adds?: SeedAction["adds"],
) => SeedAction;

/** Draws conversations over the days since the room was opened, each within about an hour. */
const drawMessages = (
  { seed, beganAt, idOf }: WorldFrame,
  room: SeededRoom,
  dice: SeededRandom,
): SeededMessage[] => {
  const { name, members, conversations, length, openedAt } = room;
  const firstAt = openedAt + 3 * HOUR_MS;
  const step = (beganAt - QUIET_MS - 2 * HOUR_MS - firstAt) / length;
  const messages: SeededMessage[] = [];
  let unused: Conversation[] = [];
  for (let place = 0; place < length; place += 1) {
    // No conversation is repeated before all of them were used.
    if (unused.length === 0) unused = dice.some(conversations, conversations.length);
    const conversation = unused.pop() ?? [];
    const speakers = dice.some(members, members.length);
    const words = dice.pick(members).words;
    let at = Math.floor(firstAt + step * place + dice.below(Math.max(1, Math.floor(step / 3))));
    let last: MessageId | null = null;
    for (const [line, [speaker, text]] of conversation.entries()) {
      const author = speakers[speaker % speakers.length];
      if (!author) continue;
      at += dice.between(8, 90) * (line === 0 ? 0 : 1_000);
      if (at > beganAt - QUIET_MS) break;
      const id = idOf<MessageId>(at, "message", name, place, line, seed);
      messages.push({
        id,
        author,
        text: fillText(text, words),
        replyTo: last !== null && dice.isWithin(QUOTES) ? last : null,
        at,
      });
      last = id;
    }
  }
  return messages;
};

/** Plans what happens to a message later: reactions, an edit, rarely its removal. */
const planChanges = (
  { id: messageId, author, text, at }: SeededMessage,
  { room, dice, actOf }: { readonly room: SeededRoom; readonly dice: SeededRandom; readonly actOf: ActOf },
): SeedAction[] => {
  const others = room.members.filter((member) => member !== author);
  const reacting = dice.isWithin(REACTIONS) ? dice.some(others, dice.between(1, 3)) : [];
  const emoji = dice.pick(reactionEmoji);
  const acts = reacting.map(({ id: userId }, place) =>
    actOf(
      at + (place + 1) * dice.between(20, 200) * 1_000,
      ({ chat }, roomId) => chat.messages.react({ userId, commandId: null }, { roomId, messageId, emoji }),
      "reactions",
    ),
  );
  const source = { userId: author.id, commandId: null };
  if (dice.isWithin(EDITS)) {
    const edited = `${text.replace(/[.!]$/u, "")}, I mean it.`;
    acts.push(
      actOf(at + 12 * 1_000, ({ chat }, roomId) =>
        chat.messages.edit(source, { roomId, messageId, text: edited }),
      ),
    );
  } else if (reacting.length === 0 && dice.isWithin(REMOVALS)) {
    // After every other act on the message.
    acts.push(
      actOf(at + 30 * MINUTE_MS, ({ chat }, roomId) => chat.messages.remove(source, { roomId, messageId })),
    );
  }
  return acts;
};

/** Plans that most members have read everything, some a part and some nothing. The owner has something unread. */
const planReading = (
  { members }: SeededRoom,
  messages: readonly SeededMessage[],
  { dice, actOf }: { readonly dice: SeededRandom; readonly actOf: ActOf },
): SeedAction[] => {
  const markRead = (userId: UserId, at: number): SeedAction =>
    actOf(at, ({ chat }, roomId) =>
      chat.messages.markRead({ userId, commandId: null }, { roomId, position: AT_THE_END }),
    );
  return members.flatMap(({ id }, place): SeedAction[] => {
    const last = messages.at(-1);
    if (!last) return [];
    if (place > 0 && dice.isWithin(0.6)) return [markRead(id, last.at + (place + 1) * MINUTE_MS)];
    if (place > 0 && dice.isWithin(0.2)) return [];
    return [markRead(id, dice.pick(messages).at + 500)];
  });
};

/** Uses the id of a message as the id of the command that sends it. */
const toCommandId = (id: MessageId): CommandId => id as string as CommandId;

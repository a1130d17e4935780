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

/** A room that is to be. */
interface SeededRoom {
  readonly name: string;
  readonly owner: SeededStudent;
  /** Those who talk, the owner among them. */
  readonly members: readonly SeededStudent[];
  readonly conversations: readonly Conversation[];
  /** How many of them there are to be. */
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
/** Conversations of the first group: so many that its log has more than one segment. */
const LONG_HISTORY = 45;
const DIRECT_ROOMS_PER_STUDENT = 0.8;
const REACTIONS = 0.12;
const EDITS = 0.02;
const REMOVALS = 0.008;
const QUOTES = 0.12;
/** Past every place: reading up to it is reading all. */
const AT_THE_END = { segment: 2 ** 31 - 1, index: 0 };
/** Nothing is said in the last hour before the world was begun. */
const QUIET_MS = HOUR_MS;

/** Rooms one after the other, each with what was said in it; members of groups have the owner among their contacts, or are asked. */
export const planRooms = (
  frame: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeedAction[] => {
  const groups = drawGroups(frame, students, graph);
  return [
    ...groups.flatMap(({ room, coming }) => planRoom(frame, room, coming)),
    ...drawDirectRooms(frame, students, graph).flatMap((room) => planRoom(frame, room, [])),
  ];
};

const drawGroups = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): { readonly room: SeededRoom; readonly coming: readonly SeededStudent[] }[] => {
  const friendsOf = (student: SeededStudent) => graph.friends[student.index] ?? [];
  // The first of all is who a developer signs in as.
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
    // Friends of friends have not noted the owner down: they are asked, and most come.
    const circle = [...new Set(friends.flatMap(friendsOf))].filter(
      (one) => one !== owner && !friends.includes(one),
    );
    const guests = dice.some(circle, dice.between(2, MOST_MEMBERS - friends.length));
    const coming = guests.slice(dice.below(3));
    const members = [owner, ...friends, ...coming];
    const openedAt = beganAt - (ACTIVE_DAYS - 3) * DAY_MS + dice.below(8 * DAY_MS);
    const memberIds = [...friends, ...guests].map(({ id }) => id);
    return {
      coming,
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
  const talking = dice.some(graph.pairs, Math.round(students.length * DIRECT_ROOMS_PER_STUDENT));
  return talking.map(([owner, other]) => ({
    name: `direct ${owner.index} ${other.index}`,
    owner,
    members: [owner, other],
    conversations: directConversations,
    length: dice.between(1, 3),
    openedAt: beganAt - 4 * DAY_MS - dice.below((ACTIVE_DAYS - 6) * DAY_MS),
    input: { kind: "direct", memberIds: [other.id] },
  }));
};

const planRoom = (frame: WorldFrame, room: SeededRoom, coming: readonly SeededStudent[]): SeedAction[] => {
  const { owner, openedAt, input } = room;
  const dice = createSeededRandom(frame.seed, "room", room.name);
  const commandId = frame.idOf<CommandId>(openedAt, "room", room.name);
  const open = async ({ chat }: SeedServices): Promise<RoomId> =>
    (await chat.rooms.create({ userId: owner.id, commandId }, input)).id;
  // Opening it again with its command finds it, once in a unit of work.
  const known = new WeakMap<SeedServices, RoomId>();
  const idIn = async (services: SeedServices): Promise<RoomId> => {
    const id = known.get(services) ?? (await open(services));
    known.set(services, id);
    return id;
  };
  const actOf = (
    at: number,
    run: (services: SeedServices, roomId: RoomId) => Promise<unknown>,
    adds: SeedAction["adds"] = null,
  ): SeedAction => ({ at, adds, run: async (services) => run(services, await idIn(services)) });

  const joined = coming.map(({ id }, place) =>
    actOf(openedAt + (place + 1) * 7 * MINUTE_MS, ({ chat }, roomId) =>
      chat.rooms.acceptInvitation({ userId: id, commandId: null }, { roomId }),
    ),
  );
  const messages = drawMessages(frame, room, dice);
  const said = messages.map(({ id, author, text, replyTo, at }) =>
    actOf(
      at,
      ({ chat }, roomId) =>
        chat.messages.send({ userId: author.id, commandId: toCommandId(id) }, { roomId, text, replyTo }),
      "messages",
    ),
  );
  const done = messages.flatMap((message) => planAbout(message, { room, dice, actOf }));
  const read = planReading(room, messages, { dice, actOf });
  return [
    actOf(openedAt, async () => {}, "rooms"),
    ...sortByTime([...joined, ...said, ...done, ...read].filter(({ at }) => at < frame.beganAt - MINUTE_MS)),
  ];
};

type ActOf = (
  at: number,
  run: (services: SeedServices, roomId: RoomId) => Promise<unknown>,
  adds?: SeedAction["adds"],
) => SeedAction;

/** Conversations over the days since the room was opened, each within an hour or so. */
const drawMessages = (
  { seed, beganAt, idOf }: WorldFrame,
  room: SeededRoom,
  dice: SeededRandom,
): SeededMessage[] => {
  const { name, members, conversations, length, openedAt } = room;
  const firstAt = openedAt + 3 * HOUR_MS;
  const step = (beganAt - QUIET_MS - 2 * HOUR_MS - firstAt) / length;
  const messages: SeededMessage[] = [];
  let unsaid: Conversation[] = [];
  for (let place = 0; place < length; place += 1) {
    // Nobody repeats herself before everything was said.
    if (unsaid.length === 0) unsaid = dice.some(conversations, conversations.length);
    const conversation = unsaid.pop() ?? [];
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

/** What becomes of a message: reactions, a correction, in few cases its end. */
const planAbout = (
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
  const asking = { userId: author.id, commandId: null };
  if (dice.isWithin(EDITS)) {
    const better = `${text.replace(/[.!]$/u, "")}, I mean it.`;
    acts.push(
      actOf(at + 12 * 1_000, ({ chat }, roomId) =>
        chat.messages.edit(asking, { roomId, messageId, text: better }),
      ),
    );
  } else if (reacting.length === 0 && dice.isWithin(REMOVALS)) {
    // After the last of what may be about it.
    acts.push(
      actOf(at + 30 * MINUTE_MS, ({ chat }, roomId) => chat.messages.remove(asking, { roomId, messageId })),
    );
  }
  return acts;
};

/** Most have read all, some up to somewhere, some nothing; whoever opened it has something unread. */
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

/** A message has the id of the command that sends it. */
const toCommandId = (id: MessageId): CommandId => id as string as CommandId;

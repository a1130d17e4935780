import type { Message } from "@edvoyage/client-sdk";
import type { SimulatedDevice } from "./device.ts";
import type { AppliedOf } from "./commands.ts";
import type { NotedMessage } from "./chat.ts";
import type { Ledger } from "./ledger.ts";
import { pause } from "./sign-in.ts";
import type { SimulatedRoom, SimulatedStudent, SimulatedWorld } from "./world.ts";

/** A message as everybody has to see it. */
interface Seen {
  readonly id: string;
  readonly authorId: string;
  readonly text: string | null;
  readonly replyTo: string | null;
  readonly at: number;
  readonly position: unknown;
  readonly reactions: readonly { readonly userId: string; readonly emoji: string }[];
}

const PAGE = 100;
/** How long a device may take to show what is on the server, in milliseconds. */
const SHOWN_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Checks, when all has come to rest, that every message that an app has kept is in its room once, in the order of its
 * device, with its last text; and that all devices of all members show the same.
 */
export const checkChat = async (world: SimulatedWorld, appliedOf: AppliedOf): Promise<void> => {
  await checkRoomLists(world);
  for (const room of world.rooms) {
    const [member] = room.members;
    if (!member) continue;
    const onServer = await readRoom(world, { room, member });
    const applied = new Set(room.members.flatMap((student) => [...appliedOf(student)]));
    checkMessages(world, { room, onServer, applied });
    checkOrder(world, { room, onServer });
    const expected = onServer.filter(({ text }) => text !== null);
    await Promise.all(
      room.members.flatMap((student) =>
        student.devices.map((device) => checkDevice(world, { device, student, room, expected })),
      ),
    );
  }
};

/** All messages that there ever were, oldest first; removed ones have no text. */
const readRoom = async (
  world: SimulatedWorld,
  { room, member }: { readonly room: SimulatedRoom; readonly member: SimulatedStudent },
): Promise<readonly Seen[]> => {
  const rpc = world.witness(member);
  const seen: Seen[] = [];
  let before: Awaited<ReturnType<typeof rpc.chat.history.query>>["nextCursor"] = null;
  do {
    const page: Awaited<ReturnType<typeof rpc.chat.history.query>> = await rpc.chat.history.query({
      roomId: room.id,
      limit: PAGE,
      before,
    });
    seen.push(...page.items.map(toSeen));
    before = page.nextCursor;
  } while (before);
  return seen.reverse();
};

const toSeen = (message: Omit<Seen, "reactions"> & Pick<Message, "reactions">): Seen => {
  const { id, authorId, text, replyTo, at, position, reactions } = message;
  return {
    id,
    authorId,
    text,
    replyTo,
    at,
    position,
    reactions: reactions.map(({ userId, emoji }) => ({ userId, emoji })),
  };
};

const checkMessages = (
  { messages, ledger, students, violations }: SimulatedWorld,
  {
    room,
    onServer,
    applied,
  }: {
    readonly room: SimulatedRoom;
    readonly onServer: readonly Seen[];
    readonly applied: ReadonlySet<string>;
  },
): void => {
  const byId = new Map(onServer.map((message) => [message.id, message]));
  if (byId.size < onServer.length) violations.push(`A message is twice in ${room.name}`);
  const stateById = new Map(ledger.commands.map((command) => [command.id, command]));
  for (const noted of messages.values()) {
    if (noted.room !== room.id) continue;
    const name = `The message ${noted.id} of ${noted.student} on ${noted.device}`;
    const message = byId.get(noted.id);
    const command = stateById.get(noted.id);
    const isExcused =
      noted.mayBeRemoved || noted.mayBeDiscarded || command?.mayBeDiscarded || command?.state === "refused";
    if (!message && !isExcused) violations.push(`${name} is not in ${room.name}`);
    if (message?.text === null && !noted.mayBeRemoved)
      violations.push(`${name} is removed, which nobody wanted`);
    const owner = students.find((student) => student.name === noted.student);
    if (message && message.authorId !== owner?.id) violations.push(`${name} has another author`);
    if (message && message.text !== null && !lastTexts(noted, { ledger, applied }).has(message.text)) {
      violations.push(`${name} says "${message.text}", which nobody said last`);
    }
  }
};

/** What a message may say: what some device made it say last, and before if that had no effect or is not known to be kept. */
const lastTexts = (
  { texts }: NotedMessage,
  { ledger, applied }: { readonly ledger: Ledger; readonly applied: ReadonlySet<string> },
): ReadonlySet<string> => {
  const last = new Set<string>();
  for (const device of new Set(texts.map((said) => said.device))) {
    for (const { text, isDone } of texts.filter((said) => said.device === device).toReversed()) {
      last.add(text);
      const edit = ledger.commands.find(
        ({ procedure, input }) => procedure === "chat.edit" && "text" in input && input.text === text,
      );
      if (isDone && (!edit || applied.has(edit.id))) break;
    }
  }
  return last;
};

/** What one device wrote into a room is in the order in which it was written. */
const checkOrder = (
  { ledger, violations }: SimulatedWorld,
  { room, onServer }: { readonly room: SimulatedRoom; readonly onServer: readonly Seen[] },
): void => {
  const placeById = new Map(onServer.map(({ id }, place) => [id, place]));
  const lastByDevice = new Map<string, number>();
  for (const command of ledger.commands) {
    const { id, procedure, input, device, student, wasRetried } = command;
    const place = placeById.get(id);
    if (procedure !== "chat.send" || !("roomId" in input) || input.roomId !== room.id) continue;
    if (place === undefined || wasRetried || command.mayBeDiscarded || command.state === "refused") continue;
    const lane = `${device}/${student}`;
    if (place < (lastByDevice.get(lane) ?? -1)) {
      violations.push(`The message ${id} of ${lane} comes before one that was written earlier`);
    }
    lastByDevice.set(lane, Math.max(place, lastByDevice.get(lane) ?? -1));
  }
};

const checkDevice = async (
  world: SimulatedWorld,
  {
    device,
    student,
    room,
    expected,
  }: {
    readonly device: SimulatedDevice;
    readonly student: SimulatedStudent;
    readonly room: SimulatedRoom;
    readonly expected: readonly Seen[];
  },
): Promise<void> => {
  const wanted = JSON.stringify(expected);
  const shown = device.app?.client.chat.room(room.id);
  if (!shown) return;
  const leave = shown.watch(() => {});
  const own = (): readonly Message[] => shown.messages.filter(({ state }) => state !== "failed");
  const isWell = (): boolean =>
    JSON.stringify(own().map(toSeen)) === wanted &&
    own().every(({ state, hasPendingChange }) => state === "acked" && !hasPendingChange);
  const until = world.time.now() + SHOWN_WITHIN_MS;
  while (!isWell() && world.time.now() < until) {
    const isMore = shown.isLoaded && shown.hasOlder && (await shown.loadOlder().catch(() => false));
    if (!isMore) await pause(world, LOOK_EVERY_MS);
  }
  leave();
  if (isWell()) return;
  world.violations.push(
    `${device.name} shows ${student.name} in ${room.name} something else than is there: ${JSON.stringify({ shown: own().map(toSeen), expected })}`,
  );
};

/** The list of rooms is the same on all devices of a student, and says what the server says. */
const checkRoomLists = async (world: SimulatedWorld): Promise<void> => {
  for (const student of world.students) {
    const { rooms } = await world.witness(student).inbox.changes.query({});
    const expected = rooms.flatMap((room) => (room.state === "member" ? [toLine(room)] : [])).sort();
    for (const device of student.devices) {
      const shown = (device.app?.client.chat.rooms() ?? []).map(toLine).sort();
      if (JSON.stringify(shown) === JSON.stringify(expected)) continue;
      world.violations.push(
        `${device.name} shows ${student.name} other rooms than there are: ${JSON.stringify({ shown, expected })}`,
      );
    }
  }
};

const toLine = (room: {
  readonly id: string;
  readonly unread: number;
  readonly preview: string | null;
  readonly readPosition: unknown;
}): string => JSON.stringify([room.id, room.unread, room.preview, room.readPosition]);

import type { Message } from "@edvoyage/client-sdk";
import type { SimulatedDevice } from "./device.ts";
import type { AppliedOf } from "./commands.ts";
import type { NotedMessage } from "./noted.ts";
import type { Ledger } from "./ledger.ts";
import { pause } from "./sign-in.ts";
import type { SimulatedRoom, SimulatedStudent, SimulatedWorld } from "./world.ts";

/** The parts of a message that everybody must see alike. */
interface SeenMessage {
  readonly id: string;
  readonly authorId: string;
  readonly text: string | null;
  readonly replyTo: string | null;
  readonly at: number;
  readonly position: unknown;
  readonly reactions: readonly { readonly userId: string; readonly emoji: string }[];
}

const PAGE = 100;
/** How long a device may take to show the server's state, in milliseconds. */
const SHOWN_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Checks, at the end of a history, that every message that an app has accepted is in its room once, in the order of its
 * device, with its last text, and that all devices of all members show the same messages.
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

/** Reads all messages that were ever sent, oldest first. Removed messages have no text. */
const readRoom = async (
  world: SimulatedWorld,
  { room, member }: { readonly room: SimulatedRoom; readonly member: SimulatedStudent },
): Promise<readonly SeenMessage[]> => {
  const rpc = world.witness(member);
  const seen: SeenMessage[] = [];
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

const toSeen = (message: Omit<SeenMessage, "reactions"> & Pick<Message, "reactions">): SeenMessage => {
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
    readonly onServer: readonly SeenMessage[];
    readonly applied: ReadonlySet<string>;
  },
): void => {
  const byId = new Map(onServer.map((message) => [message.id, message]));
  if (byId.size < onServer.length) violations.push(`There is a duplicate message in ${room.name}`);
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
      violations.push(`${name} is removed, although nobody removed it`);
    const owner = students.find((student) => student.name === noted.student);
    if (message && message.authorId !== owner?.id) violations.push(`${name} has another author`);
    if (message && message.text !== null && !lastTexts(noted, { ledger, applied }).has(message.text)) {
      violations.push(`${name} has the text "${message.text}", which no device set last`);
    }
  }
};

/**
 * Returns the texts that a message may have: the last text of any device, and earlier ones if a later edit had no effect
 * or is not known to be stored.
 */
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

/** Checks that the messages of one device in a room are in the order in which they were written. */
const checkOrder = (
  { ledger, violations }: SimulatedWorld,
  { room, onServer }: { readonly room: SimulatedRoom; readonly onServer: readonly SeenMessage[] },
): void => {
  const placeById = new Map(onServer.map(({ id }, place) => [id, place]));
  const lastByDevice = new Map<string, number>();
  for (const command of ledger.commands) {
    const { id, procedure, input, device, student, wasRetried, wasRefused } = command;
    const place = placeById.get(id);
    if (procedure !== "chat.send" || !("roomId" in input) || input.roomId !== room.id) continue;
    // A late copy of a command that the app had given up may arrive after later ones.
    if (place === undefined || wasRetried || wasRefused || command.mayBeDiscarded) continue;
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
    readonly expected: readonly SeenMessage[];
  },
): Promise<void> => {
  const expectedJson = JSON.stringify(expected);
  const shown = device.app?.client.chat.room(room.id);
  if (!shown) return;
  const leave = shown.watch(() => {});
  const own = (): readonly Message[] => shown.messages.filter(({ state }) => state !== "failed");
  const isUpToDate = (): boolean =>
    JSON.stringify(own().map(toSeen)) === expectedJson &&
    own().every(({ state, hasPendingChange }) => state === "acked" && !hasPendingChange);
  const until = world.time.now() + SHOWN_WITHIN_MS;
  while (!isUpToDate() && world.time.now() < until) {
    const isMore = shown.isLoaded && shown.hasOlder && (await shown.loadOlder().catch(() => false));
    if (!isMore) await pause(world, LOOK_EVERY_MS);
  }
  leave();
  if (isUpToDate()) return;
  world.violations.push(
    `${device.name} shows ${student.name} other messages in ${room.name} than the server has: ${JSON.stringify({ shown: own().map(toSeen), expected })}`,
  );
};

/** Checks that all devices of a student show the same list of rooms as the server. */
const checkRoomLists = async (world: SimulatedWorld): Promise<void> => {
  for (const student of world.students) {
    const { rooms } = await world.witness(student).inbox.changes.query({});
    const expected = rooms.flatMap((room) => (room.state === "member" ? [toLine(room)] : [])).sort();
    for (const device of student.devices) {
      const shown = (device.app?.client.chat.rooms() ?? []).map(toLine).sort();
      if (JSON.stringify(shown) === JSON.stringify(expected)) continue;
      world.violations.push(
        `${device.name} shows ${student.name} other rooms than the server has: ${JSON.stringify({ shown, expected })}`,
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

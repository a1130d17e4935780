import type { Message, Room } from "@edvoyage/client-sdk";
import type { SimulatedDevice } from "./device.ts";
import type { SeededRandom } from "./random.ts";
import type { Step } from "./steps.ts";
import type { SimulatedRoom, SimulatedStudent, SimulatedWorld } from "./world.ts";

/** Actions of students in rooms. */
export const chatSteps: readonly Step[] = [
  { weight: 40, begin: (world, device) => void send(world, device) },
  {
    weight: 5,
    begin: (world, device) => {
      for (let count = world.random.between(2, 8); count > 0; count -= 1) void send(world, device);
    },
  },
  { weight: 10, begin: (world, device) => void edit(world, device) },
  { weight: 6, begin: (world, device) => void remove(world, device) },
  { weight: 10, begin: (world, device) => void react(world, device) },
  {
    weight: 8,
    begin: (world, device) =>
      void inRoom(world, device, { what: "marks as read", act: ({ room }) => room.markRead() }),
  },
  {
    weight: 3,
    begin: (world, device) =>
      void inRoom(world, device, { what: "loads older ones", act: ({ room }) => room.loadOlder() }),
  },
  {
    weight: 10,
    begin: (world, device) =>
      void inRoom(world, device, {
        what: "looks",
        act: async ({ room, random }) => {
          const leave = room.watch(() => {});
          world.time.after(random.between(1, random.pick([1_000, 60_000])), leave);
        },
      }),
  },
];

interface InRoom {
  readonly room: Room;
  readonly place: SimulatedRoom;
  readonly student: SimulatedStudent;
  readonly random: SeededRandom;
}

const EMOJI = ["👍", "🎉", "😀"] as const;

/** Does something in one of the rooms of the student who is signed in. */
const inRoom = (
  world: SimulatedWorld,
  device: SimulatedDevice,
  { what, act }: { readonly what: string; readonly act: (where: InRoom) => Promise<unknown> },
) => {
  // A random stream of its own: the number of draws depends on what is shown, and thereby on when the app is ready.
  const random = world.random.fork(`${what} ${world.random.between(0, 1e9)}`);
  return world.act(device, what, async ({ client }) => {
    const student = world.studentOn(device);
    const [first, ...others] = world.rooms.filter(({ members }) => student && members.includes(student));
    if (!student || !first) return;
    const place = random.pick([first, ...others]);
    await act({ room: client.chat.room(place.id), place, student, random });
  });
};

const send = (world: SimulatedWorld, device: SimulatedDevice) =>
  inRoom(world, device, {
    what: "sends",
    act: async ({ room, place, student, random }) => {
      const text = `${student.name} of ${device.name} ${random.between(0, 1e9)}`;
      const answered = random.chance(0.1) ? pickMessage(random, room.messages) : undefined;
      const { id } = await room.send(text, answered ? { replyTo: answered.id } : {});
      world.trace.add(device.name, `  ${id} "${text}" into ${place.name}`);
      world.messages.set(id, {
        id,
        room: place.id,
        device: device.name,
        student: student.name,
        texts: [{ device: device.name, text, isDone: true }],
        mayBeRemoved: false,
        mayBeDiscarded: world.ledger.isWipeExpected({ device: device.name, student: student.name }),
      });
      if (world.studentOn(device) !== student) return;
      const shown = room.messages.find((message) => message.id === id);
      if (shown?.text !== text || shown.state !== "pending") {
        world.violations.push(`A message on ${device.name} was reported as stored, and is not shown`);
      }
    },
  });

const edit = (world: SimulatedWorld, device: SimulatedDevice) =>
  inRoom(world, device, {
    what: "edits",
    act: async ({ room, student, random }) => {
      const message = pickMessage(random, ownMessages(room, student));
      if (!message) return;
      const noted = world.messages.get(message.id);
      const text = `${student.name} of ${device.name} edited ${random.between(0, 1e9)}`;
      world.trace.add(device.name, `  ${message.id} (${message.state}) to "${text}"`);
      const said = { device: device.name, text, isDone: false };
      noted?.texts.push(said);
      await room.edit(message.id, text);
      said.isDone = true;
    },
  });

const remove = (world: SimulatedWorld, device: SimulatedDevice) =>
  inRoom(world, device, {
    what: "removes",
    act: async ({ room, student, random }) => {
      const message = pickMessage(random, ownMessages(room, student));
      if (!message) return;
      const noted = world.messages.get(message.id);
      world.trace.add(device.name, `  ${message.id} (${message.state})`);
      if (noted) noted.mayBeRemoved = true;
      world.ledger.expectDiscard(message.id);
      for (const { id, input } of world.ledger.of({ device: device.name, student: student.name })) {
        if ("messageId" in input && input.messageId === message.id) world.ledger.expectDiscard(id);
      }
      await room.remove(message.id);
    },
  });

const react = (world: SimulatedWorld, device: SimulatedDevice) =>
  inRoom(world, device, {
    what: "reacts",
    act: async ({ room, random }) => {
      const message = pickMessage(random, room.messages);
      if (message && message.state !== "failed") {
        await room.react(message.id, random.pick([null, ...EMOJI]));
      }
    },
  });

const ownMessages = ({ messages }: Room, { id }: SimulatedStudent): readonly Message[] =>
  messages.filter(({ authorId, state }) => authorId === id && state !== "failed");

const pickMessage = (random: SeededRandom, messages: readonly Message[]): Message | undefined =>
  messages[random.between(0, Math.max(0, messages.length - 1))];

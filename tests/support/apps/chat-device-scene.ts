import { expect } from "vitest";
import { createChatDevice, type ChatDevice } from "./chat-device.ts";
import { createStudent, openDirect } from "../students/student.ts";
import { createWorld, type WorldOptions } from "../servers/world.ts";

/** Two students with a direct room, and a device of each. */
export const createChatDeviceScene = async (limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ limits });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const [phone, laptop] = [await createChatDevice(world, ada), await createChatDevice(world, bo)];
  return { world, ada, bo, roomId, phone, laptop };
};

/** Waits until a room on a device shows exactly these texts. */
export const untilShown = (device: ChatDevice, roomId: string, texts: readonly string[]): Promise<void> =>
  device.until(() => device.texts(roomId).join() === texts.join());

/** Returns the states of the messages that a device shows in a room. */
export const statesOf = ({ chat }: ChatDevice, roomId: string): string[] =>
  chat.room(roomId).messages.map(({ text, state }) => `${text} ${state}`);

/** Returns the reason for which a call is refused. */
export const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => expect.fail("was not refused"),
    (error: { reason?: string; message?: string }) => error.reason ?? error.message ?? "",
  );

/** Returns `count` numbered texts. */
export const texts = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `m${from + index}`);

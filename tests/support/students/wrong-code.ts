import { expect } from "vitest";
import type { World } from "../servers/world.ts";

/** Returns a code that differs from the one last sent, and from those with another number. */
export const wrongCode = ({ sms }: Pick<World, "sms">, number = 1): string => {
  const right = sms.at(-1)?.code ?? expect.fail("no message was sent");
  return String((Number(right) + number) % 10 ** right.length).padStart(right.length, "0");
};

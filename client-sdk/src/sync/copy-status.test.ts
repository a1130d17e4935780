import type { RoomHead, RoomId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { compareToHead } from "./copy-status.ts";

const at = (index: number, id: string, segment = 0): RoomHead => ({
  roomId: "r" as RoomId,
  segment,
  index,
  id,
});

test.each([
  { name: "the same event at its end", head: at(5, "e"), end: at(5, "e"), status: "current" },
  { name: "another event at its end", head: at(5, "x"), end: at(5, "e"), status: "forked" },
  { name: "fewer events than the server", head: at(6, "f"), end: at(5, "e"), status: "behind" },
  { name: "one segment less than the server", head: at(0, "f", 1), end: at(5, "e"), status: "behind" },
  { name: "more events than the server reported later", head: at(4, "d"), end: at(5, "e"), status: "forked" },
  {
    name: "received the head in the meantime",
    head: at(6, "f"),
    end: at(5, "e"),
    now: "f",
    status: "behind",
  },
  {
    name: "received another head in the meantime",
    head: at(6, "f"),
    end: at(5, "e"),
    now: "x",
    status: "forked",
  },
])("[SY49] a copy that has $name is $status", ({ head, end, now, status }) => {
  expect(compareToHead(head, { end, eventIdAt: () => now })).toBe(status);
});

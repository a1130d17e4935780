import type { CommandId, MessageId, RoomEvent, RoomId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import type { AckedEntry } from "./acknowledged.ts";
import { arrivalOf } from "./acknowledged.ts";
import { missingMessages, ownMessages } from "./lost-messages.ts";
import type { Segment } from "./segment.ts";

const ME = "me" as UserId;
const OTHER = "other" as UserId;
const toMessageId = (id: string): MessageId => id as MessageId;
const messageEvent = (id: string, by = ME): RoomEvent => [1, "message", toMessageId(id), by, 1, id, null];

const toSegment = (segment: number, events: readonly RoomEvent[]): Segment => ({
  segment,
  rows: events.map((event, index) => ({ index, event })),
  length: events.length,
  isSealed: false,
  isRogue: false,
});

const acked = (id: string, segment: number, index: number): AckedEntry => ({
  id: id as CommandId,
  procedure: "chat.send",
  input: { roomId: "room" as RoomId, text: id, replyTo: null },
  lane: "",
  createdAt: 1,
  state: "acked",
  answer: { messageId: toMessageId(id), position: { segment, index }, at: 1 },
});

test("[SY50] own messages include the last edited text in the copies, and messages that only the outbox has", () => {
  const events: RoomEvent[] = [
    messageEvent("a"),
    messageEvent("b", OTHER),
    [1, "edit", "e", ME, 2, toMessageId("a"), "A"],
  ];

  const own = ownMessages([toSegment(3, events)], { userId: ME, acked: [acked("c", 4, 0)] });

  expect(own).toEqual([
    { id: "c", text: "c", replyTo: null, segment: 4 },
    { id: "a", text: "A", replyTo: null, segment: 3 },
  ]);
});

test("[SY50] a message is lost if the log covers its segment but has neither the message nor its removal", () => {
  const candidates = ["here", "removed", "gone", "before"].map((id) => ({
    id: toMessageId(id),
    text: id,
    replyTo: null,
    segment: id === "before" ? 0 : 1,
  }));
  const fresh = toSegment(1, [messageEvent("here"), [1, "remove", "r", OTHER, 2, toMessageId("removed")]]);

  expect(missingMessages(candidates, [fresh]).map(({ id }) => id)).toEqual(["gone"]);
});

test.each([
  { name: "at its position", at: [1, 0], has: "a", arrival: "arrived" },
  { name: "at another position, sent again", at: [1, 1], has: "a", arrival: "arrived" },
  { name: "later than the copy", at: [1, 2], has: "x", arrival: "awaited" },
  { name: "in a later segment", at: [2, 0], has: "x", arrival: "awaited" },
  { name: "before the copy", at: [0, 5], has: "x", arrival: "arrived" },
  { name: "with something else at its position", at: [1, 0], has: "x", arrival: "undone" },
])("an acknowledged message $name is $arrival", ({ at: [segment = 0, index = 0], has, arrival }) => {
  const copy = toSegment(1, [messageEvent(has), messageEvent("other", OTHER)]);

  expect(arrivalOf(acked("a", segment, index), [copy])).toBe(arrival);
});

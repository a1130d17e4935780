import type { CommandId, MessageId, Position, RoomEvent, RoomId, UserId } from "@edvoyage/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Segment } from "../sync/segment.ts";
import type { Message, Reaction } from "./api.ts";
import { createMessagesView, type MessageSources } from "./messages-view.ts";

const ME = "me" as UserId;
const OTHER = "other" as UserId;
const THIRD = "third" as UserId;
const ROOM = "room" as RoomId;
const ROWS = 5;
const toMessageId = (id: string): MessageId => id as MessageId;

/** Splits events into segments of `ROWS` rows; leaves out the redacted events. */
const toSegments = (events: readonly RoomEvent[], redacted: ReadonlySet<RoomEvent> = new Set()): Segment[] =>
  Array.from({ length: Math.ceil(events.length / ROWS) }, (_, segment) => {
    const own = events.slice(segment * ROWS, (segment + 1) * ROWS);
    return {
      segment,
      rows: own.flatMap((event, index) => (redacted.has(event) ? [] : [{ index, event }])),
      length: own.length,
      isSealed: false,
      isRogue: false,
    };
  });

const endOf = (segments: readonly Segment[]): Position | undefined => {
  const last = segments.at(-1);
  return last && { segment: last.segment, index: last.length - 1 };
};

const toSources = (
  events: readonly RoomEvent[],
  entries: readonly OutboxEntry[] = [],
  redacted?: ReadonlySet<RoomEvent>,
): MessageSources => {
  const segments = toSegments(events, redacted);
  return { segments, end: endOf(segments), entries };
};

const said = (id: string, authorId: UserId = ME, text = id): RoomEvent => [
  1,
  "message",
  toMessageId(id),
  authorId,
  10,
  text,
  null,
];

const base = (id: string) => ({ id: id as CommandId, lane: "room/room", createdAt: 99 });
const pending = { state: "pending", isSending: false } as const;
const acked = (id: string, position: Position) =>
  ({ state: "acked", answer: { messageId: toMessageId(id), position, at: 50 } }) as const;
const failed = { state: "failed", reason: "forbidden", message: "", details: {} } as const;
type State = typeof pending | typeof failed | ReturnType<typeof acked>;

const sending = (id: string, state: State = pending): OutboxEntry => ({
  ...base(id),
  procedure: "chat.send",
  input: { roomId: ROOM, text: id, replyTo: null },
  ...state,
});
const editing = (id: string, about: string, text: string, state: State = pending): OutboxEntry => ({
  ...base(id),
  procedure: "chat.edit",
  input: { roomId: ROOM, messageId: toMessageId(about), text },
  ...state,
});
const removing = (id: string, about: string, state: State = pending): OutboxEntry => ({
  ...base(id),
  procedure: "chat.remove",
  input: { roomId: ROOM, messageId: toMessageId(about) },
  ...state,
});
const reacting = (id: string, about: string, emoji: string | null, state: State = pending): OutboxEntry => ({
  ...base(id),
  procedure: "chat.react",
  input: { roomId: ROOM, messageId: toMessageId(about), emoji },
  ...state,
});

const shown = (events: readonly RoomEvent[], entries: readonly OutboxEntry[] = []) =>
  createMessagesView(ME)(toSources(events, entries)).map(({ id, text, state }) => `${id}=${text} ${state}`);

describe("a room's messages combine the log and the outbox", () => {
  test("own messages come last, in the order in which they were written, each once", () => {
    const place = { segment: 0, index: 9 };
    const entries = [sending("a"), sending("p"), sending("x", failed), sending("n", acked("n", place))];

    expect(shown([said("a"), said("b")], entries)).toEqual([
      "a=a acked",
      "b=b acked",
      "p=p pending",
      "x=x failed",
      "n=n acked",
    ]);
  });

  test("edits, removals and reactions are visible immediately, also on pending messages, but not when they failed", () => {
    const events = [said("a"), said("b"), said("c")];
    const entries = [
      editing("1", "a", "A"),
      removing("2", "b"),
      editing("3", "c", "C", failed),
      sending("p"),
      editing("4", "p", "P"),
      sending("q"),
      removing("5", "q"),
    ];

    expect(shown(events, entries)).toEqual(["a=A acked", "c=c acked", "p=P pending"]);
  });

  test("a refused edit or reaction is shown on its message, until it is tried again", () => {
    const failuresOf = (entries: readonly OutboxEntry[]) =>
      createMessagesView(ME)(toSources([said("a"), said("b")], entries)).map(({ text, failure }) => [
        text,
        failure,
      ]);
    const refused = [editing("1", "a", "A", failed), reacting("2", "b", "👍", failed)];

    expect(failuresOf(refused)).toEqual([
      ["a", "forbidden"],
      ["b", "forbidden"],
    ]);
    expect(failuresOf([...refused, editing("3", "a", "AA"), reacting("4", "b", null)])).toEqual([
      ["AA", undefined],
      ["b", undefined],
    ]);
  });

  test("an acknowledged edit stays visible until the log has it; then only the log counts", () => {
    const events: RoomEvent[] = [said("a"), [1, "edit", "e1", ME, 11, toMessageId("a"), "mine"]];
    const entries = [editing("1", "a", "mine", acked("a", { segment: 0, index: 1 }))];

    expect(shown(events.slice(0, 1), entries)).toEqual(["a=mine acked"]);
    const later: RoomEvent = [1, "edit", "e2", ME, 12, toMessageId("a"), "other device"];
    expect(shown([...events, later], entries)).toEqual(["a=other device acked"]);
  });

  test("a message removed on the server is gone, even if the outbox still has it", () => {
    const events: RoomEvent[] = [said("a"), [1, "remove", "r", OTHER, 11, toMessageId("p")]];

    expect(shown(events, [sending("p"), editing("1", "p", "P")])).toEqual(["a=a acked"]);
  });

  test("nobody can edit another student's message, and each student has one reaction per message", () => {
    const events: RoomEvent[] = [
      said("a", OTHER),
      [1, "edit", "e", ME, 11, toMessageId("a"), "forged"],
      [1, "reaction", "r1", OTHER, 12, toMessageId("a"), "👍"],
      [1, "reaction", "r2", ME, 13, toMessageId("a"), "🎉"],
      [1, "reaction", "r3", OTHER, 14, toMessageId("a"), "❤️"],
      [1, "edit", "e2", OTHER, 15, toMessageId("unknown"), "nothing"],
    ];
    const view = createMessagesView(ME);

    const [message] = view(toSources(events, [editing("1", "a", "forged too"), reacting("2", "a", null)]));

    expect(message).toMatchObject({ text: "a", editedAt: null, hasPendingChange: true });
    expect(message?.reactions).toEqual([{ userId: OTHER, emoji: "❤️" }]);
  });

  test("unchanged messages are the same objects, also when older messages are loaded", () => {
    const view = createMessagesView(ME);
    const events = Array.from({ length: 12 }, (_, index) => said(`m${index}`));
    const all = toSegments(events);
    const end = endOf(all);
    const entries = [sending("p"), reacting("1", "m11", "👍")];

    const first = view({ segments: all.slice(1), end, entries });
    expect(view({ segments: all.slice(1), end, entries: [...entries] })).toBe(first);
    const older = view({ segments: toSegments(events), end, entries: [...entries] });

    expect(older.slice(5)).toEqual(first);
    expect(older.slice(5).every((message, index) => message === first[index])).toBe(true);
  });
});

/** Computes the same messages by definition: looks up each message and its changes in all rows. */
const modelOf = ({ segments, end, entries }: MessageSources): Message[] => {
  const rows = segments.flatMap(({ segment, rows: own }) => own.map((row) => ({ segment, ...row })));
  const isRemoved = (id: string) => rows.some(({ event }) => event[1] === "remove" && event[5] === id);
  const isHere = ({ segment, index }: Position) =>
    end !== undefined && (segment < end.segment || (segment === end.segment && index <= end.index));
  const counted = entries.filter((entry) => entry.state !== "acked" || !isHere(entry.answer.position));
  const inLog = rows.flatMap(({ event, segment, index }): Message[] => {
    if (event[1] !== "message") return [];
    const [, , id, authorId, at, text, replyTo] = event;
    const position = { segment, index };
    const fresh = { editedAt: null, reactions: [], hasPendingChange: false, state: "acked" as const };
    return [{ id, authorId, at, text, replyTo, position, ...fresh }];
  });
  const queued = counted.flatMap((entry): Message[] => {
    if (entry.procedure !== "chat.send" || inLog.some(({ id }) => id === String(entry.id))) return [];
    const { text, replyTo } = entry.input;
    const content = { id: toMessageId(entry.id), authorId: ME, text, replyTo, editedAt: null, reactions: [] };
    const rest = { hasPendingChange: false, position: null, at: entry.createdAt };
    if (entry.state === "failed") return [{ ...content, ...rest, state: "failed", reason: entry.reason }];
    if (entry.state === "pending") return [{ ...content, ...rest, state: "pending" }];
    const { position, at } = entry.answer;
    return [{ ...content, ...rest, position, at, state: "acked" }];
  });
  return [...inLog, ...queued].flatMap((message): Message[] => {
    let { text, editedAt, hasPendingChange } = message;
    let reactions: readonly Reaction[] = [];
    const react = (userId: UserId, emoji: string | null): void => {
      const others = reactions.filter((reaction) => reaction.userId !== userId);
      reactions = emoji === null ? others : [...others, { userId, emoji }];
    };
    for (const { event } of rows) {
      if (!inLog.includes(message)) break;
      if (event[1] === "edit" && event[5] === message.id && event[3] === message.authorId) {
        [text, editedAt] = [event[6], event[4]];
      }
      if (event[1] === "reaction" && event[5] === message.id) react(event[3], event[6]);
    }
    let isGone = isRemoved(message.id);
    let { failure } = message;
    for (const entry of counted) {
      if (!("messageId" in entry.input) || entry.input.messageId !== message.id) continue;
      if (entry.state === "failed") {
        failure = entry.reason;
        continue;
      }
      if (entry.procedure === "chat.edit" && message.authorId !== ME) continue;
      if (entry.procedure === "chat.remove") isGone = true;
      if (entry.procedure === "chat.edit") [text, editedAt] = [entry.input.text, entry.createdAt];
      if (entry.procedure === "chat.react") react(ME, entry.input.emoji);
      hasPendingChange ||= entry.state === "pending";
    }
    const changed = { ...message, text, editedAt, reactions, hasPendingChange };
    return isGone ? [] : [failure === undefined || hasPendingChange ? changed : { ...changed, failure }];
  });
};

describe("a room's messages match their definition", () => {
  const messageId = fc.nat({ max: 11 }).map((number) => `m${number}`);
  const userId = fc.constantFrom(ME, OTHER, THIRD);
  const emoji = fc.constantFrom("👍", "🎉", null);
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant("message" as const), userId, messageId, emoji) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constantFrom("edit", "reaction", "remove", "joined"), userId, messageId, emoji),
    },
  );
  /** A log as a server could write it: a message is sent once, and its removal redacts it and its edits. */
  const history = fc.array(event, { maxLength: 40 }).map((drawn) => {
    const sent = new Set<string>();
    return drawn.flatMap(([kind, by, about, reaction], index): RoomEvent[] => {
      const id = toMessageId(about);
      const eventId = `e${index}`;
      // A change needs its message. Missing older segments already test changes without one.
      if (kind !== "message" && kind !== "joined" && !sent.has(about)) return [];
      switch (kind) {
        case "message":
          if (sent.has(about)) return [];
          sent.add(about);
          return [said(about, by, `${about} ${index}`)];
        case "edit":
          return [[1, "edit", eventId, by, index, id, `edit ${index}`]];
        case "reaction":
          return [[1, "reaction", eventId, by, index, id, reaction]];
        case "remove":
          return [[1, "remove", eventId, by, index, id]];
        case "joined":
          return [[1, "joined", eventId, by, index, by]];
        default:
          return [];
      }
    });
  });
  const redactedBy = (events: readonly RoomEvent[]): ReadonlySet<RoomEvent> => {
    const removed = new Set<string>();
    events.forEach((one) => one[1] === "remove" && removed.add(one[5]));
    return new Set(
      events.filter(
        (one) => (one[1] === "message" && removed.has(one[2])) || (one[1] === "edit" && removed.has(one[5])),
      ),
    );
  };
  const state = fc.oneof(
    fc.constant<State>(pending),
    fc.constant<State>(failed),
    fc
      .nat({ max: 45 })
      .map((row): State => acked("m0", { segment: Math.floor(row / ROWS), index: row % ROWS })),
  );
  const entry = fc
    .tuple(fc.constantFrom("send", "edit", "remove", "react"), messageId, state, emoji)
    .map(([kind, about, entryState, reaction]) => ({ kind, about, entryState, reaction }));
  const outbox = fc.array(entry, { maxLength: 12 }).map((drawn) => {
    const sent = new Set<string>();
    // A message is written before anything is done to it.
    const ordered = [...drawn].sort(
      (one, other) => Number(other.kind === "send") - Number(one.kind === "send"),
    );
    return ordered.flatMap(({ kind, about, entryState, reaction }, index): OutboxEntry[] => {
      const id = `c${index}`;
      if (kind === "edit") return [editing(id, about, `edit ${id}`, entryState)];
      if (kind === "remove") return [removing(id, about, entryState)];
      if (kind === "react") return [reacting(id, about, reaction, entryState)];
      if (sent.has(about)) return [];
      sent.add(about);
      return [sending(about, entryState)];
    });
  });

  test("messages match the definition for any log and outbox, all at once and step by step", () => {
    fc.assert(
      fc.property(
        history,
        fc.array(outbox, { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        (events, boxes, from) => {
          const view = createMessagesView(ME);
          let former: readonly Message[] = [];
          let segments: readonly Segment[] = [];
          for (let length = 1; length <= events.length; length += 1) {
            const known = events.slice(0, length);
            const now = toSegments(known, redactedBy(known)).slice(length > 20 ? 0 : from);
            // An unchanged segment is the same object, as in a real log.
            segments = now.map((one) => {
              const before = segments.find(({ segment }) => segment === one.segment);
              const isSame = before?.length === one.length && before.rows.length === one.rows.length;
              return isSame ? before : one;
            });
            const entries = boxes[length % boxes.length] ?? [];
            const sources = { segments, end: endOf(segments), entries };

            const messages = view(sources);

            expect(messages).toEqual(modelOf(sources));
            expect(createMessagesView(ME)(sources)).toEqual(messages);
            for (const message of messages) {
              const before = former.find(({ id }) => id === message.id);
              if (before && JSON.stringify(before) === JSON.stringify(message)) expect(message).toBe(before);
            }
            former = messages;
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

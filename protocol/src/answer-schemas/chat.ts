import { z } from "zod";
import type { Message, MessagePage, MessageReceipt, ReactionReceipt } from "../chat.ts";
import { ROOM_HISTORIES, ROOM_KINDS, ROOM_ROLES, type Position } from "../events.ts";
import type { MessageId, RoomId, UserId } from "../ids.ts";
import type { InboxMemberRoom, InboxRoom, Invitation, Room, RoomDetails } from "../rooms.ts";
import { answerOf } from "./answer.ts";
import { count, idAnswer, instant } from "./values.ts";

const userId = idAnswer<UserId>();
const messageId = idAnswer<MessageId>();

export const position = answerOf<Position>()(
  z
    .strictObject({
      segment: count,
      index: z.int().min(-1).describe("Counts from 0; -1 is before the first entry of the segment."),
    })
    .meta({ id: "Position", description: "A place in a room's log." }),
);

const message = answerOf<Message>()(
  z
    .strictObject({
      id: messageId,
      position,
      authorId: userId,
      at: instant,
      text: z.string().nullable().describe("The text of the newest edit; `null` after removal."),
      replyTo: messageId.nullable(),
      editedAt: instant.nullable(),
      reactions: z
        .array(z.strictObject({ userId, emoji: z.string() }))
        .describe("At most one per student, oldest first."),
    })
    .meta({ id: "Message", description: "A message as it is now." }),
);

export const messagePage = answerOf<MessagePage>()(
  z
    .strictObject({
      items: z.array(message),
      nextCursor: position
        .nullable()
        .describe("Pass it as `before` to get the next page. `null` on the last page."),
    })
    .meta({ id: "MessagePage", description: "Messages of a room, newest first." }),
);

export const messageReceipt = answerOf<MessageReceipt>()(
  z
    .strictObject({ messageId, position, at: instant })
    .meta({ id: "MessageReceipt", description: "The position of a message's event in the room's log." }),
);

export const reactionReceipt = answerOf<ReactionReceipt>()(
  z
    .strictObject({
      messageId,
      at: instant,
      emoji: z.string().nullable(),
      position: position.nullable().describe("`null` when there was no reaction to withdraw."),
    })
    .meta({ id: "ReactionReceipt", description: "The result of a reaction." }),
);

export const invitation = answerOf<Invitation>()(
  z
    .strictObject({
      id: idAnswer<RoomId>().describe("The id of the room."),
      name: z.string().nullable(),
      invitedBy: userId,
      memberCount: count,
      at: instant,
    })
    .meta({ id: "Invitation", description: "An invitation of a student to a group." }),
);

/** The fields that every view of a room has. */
const anyRoom = {
  id: idAnswer<RoomId>(),
  kind: z.enum(ROOM_KINDS),
  name: z.string().nullable().describe("`null` for direct rooms and for groups without a name."),
  peer: z
    .strictObject({ id: userId, name: z.string().nullable() })
    .nullable()
    .describe("The other student of a direct room; `null` for groups."),
  role: z.enum(ROOM_ROLES).describe("The caller's own role."),
  memberCount: count,
  history: z.enum(ROOM_HISTORIES),
  fromSegment: count.describe("The first segment of the log that the caller may read."),
};

export const room = answerOf<Room>()(
  z
    .strictObject({ ...anyRoom, createdAt: instant, changedAt: instant })
    .meta({ id: "Room", description: "A room as one of its members sees it." }),
);

export const roomDetails = answerOf<RoomDetails>()(
  z
    .strictObject({
      ...room.shape,
      members: z
        .array(
          z.strictObject({
            userId,
            name: z.string().nullable(),
            role: z.enum(ROOM_ROLES),
            joinedAt: instant,
          }),
        )
        .describe("In the order in which they joined."),
      invited: z.array(
        z.strictObject({ userId, name: z.string().nullable(), invitedBy: userId, at: instant }),
      ),
    })
    .meta({ id: "RoomDetails", description: "A room with its members and the students who were invited." }),
);

const inboxMemberRoom = answerOf<InboxMemberRoom>()(
  z
    .strictObject({
      state: z.literal("member"),
      ...anyRoom,
      head: z.strictObject({ ...position.shape, id: z.string() }).describe("The newest event."),
      unread: count.describe("The number of unread messages by others; 1,000 means 1,000 or more."),
      preview: z
        .string()
        .nullable()
        .describe("The beginning of the newest message, at most 120 characters; `null` when there is none."),
      lastAuthorId: userId.nullable(),
      lastAt: instant.nullable(),
      readPosition: position.describe("Everything up to and including this position was read."),
      othersRead: z
        .array(z.strictObject({ userId, position }))
        .describe("The read positions of the others, in direct rooms and groups of up to 32."),
    })
    .meta({ id: "InboxMemberRoom", description: "A room of the inbox that the student is in." }),
);

export const inboxRoom = answerOf<InboxRoom>()(
  z
    .discriminatedUnion("state", [
      inboxMemberRoom,
      z.strictObject({ state: z.literal("left"), id: idAnswer<RoomId>(), leftAt: instant }),
    ])
    .meta({
      id: "InboxRoom",
      description: "A room in a student's inbox: one that they are in, or have left.",
    }),
);

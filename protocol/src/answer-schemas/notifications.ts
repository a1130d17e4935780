import { z } from "zod";
import type { NotificationId, UserId } from "../ids.ts";
import type { AreaChange, InboxChanges } from "../inbox.ts";
import {
  AREAS,
  NOTIFICATION_KINDS,
  type KindPreference,
  type Notification,
  type NotificationPreferences,
} from "../notifications.ts";
import { answerOf } from "./answer.ts";
import { inboxRoom, invitation } from "./chat.ts";
import { count, idAnswer, instant } from "./values.ts";

export const notification = answerOf<Notification>()(
  z
    .strictObject({
      id: idAnswer<NotificationId>(),
      kind: z.enum(NOTIFICATION_KINDS),
      actor: z
        .strictObject({ id: idAnswer<UserId>(), name: z.string().nullable() })
        .nullable()
        .describe("The student who did it; `null` for EdVoyage's staff."),
      subject: z.strictObject({
        kind: z.enum(["post", "comment", "student", "room", "application"]),
        id: idAnswer<string>(),
      }),
      status: z.string().nullable().describe("The new status of an application; `null` for other subjects."),
      at: instant,
      readAt: instant.nullable(),
    })
    .meta({ id: "Notification", description: "A notification to a student about something that happened." }),
);

const kindPreference = answerOf<KindPreference>()(
  z
    .strictObject({ listed: z.boolean(), pushed: z.boolean() })
    .meta({ id: "KindPreference", description: "The preference for one kind of notification." }),
);

export const notificationPreferences = answerOf<NotificationPreferences>()(
  z
    .strictObject({
      kinds: z.strictObject({
        liked: kindPreference,
        commented: kindPreference,
        followed: kindPreference,
        mentioned: kindPreference,
        added: kindPreference,
        moved: kindPreference,
        message: z.strictObject({ pushed: z.boolean() }).describe("Messages are never listed."),
      }),
      previews: z.boolean().describe("Whether a push shows the text of a message."),
    })
    .meta({ id: "NotificationPreferences", description: "The notifications that a student wants to get." }),
);

const areaChange = answerOf<AreaChange>()(
  z
    .strictObject({
      area: z.enum(AREAS),
      changedAt: instant.describe("Different after every change."),
    })
    .meta({ id: "AreaChange", description: "An area of a student's data that changed." }),
);

export const inboxChanges = answerOf<InboxChanges>()(
  z
    .strictObject({
      rooms: z.array(inboxRoom).describe("The one with the newest event first."),
      invitations: z.array(invitation).describe("All open invitations: newest first, at most 100."),
      notifications: z.array(notification).describe("Newest change first, at most 100."),
      unreadNotifications: count.describe("1,000 means at least 1,000."),
      areas: z.array(areaChange).describe("The student's other areas that changed."),
      cursor: z
        .string()
        .describe("Pass it as `cursor` next time, for the next page or for what has changed since."),
      hasMore: z
        .boolean()
        .describe("Whether more rooms had changed: ask again with `cursor` now. `false` without `limit`."),
      serverNow: instant.describe("Pass it as `since` next time, minus a few seconds."),
    })
    .meta({ id: "InboxChanges", description: "The changes of a student's inbox." }),
);

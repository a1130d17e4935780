import type { PushKind, Queries } from "@edvoyage/db";
import type { NotificationId, NotificationKind, RoomId, SessionId } from "@edvoyage/protocol";
import type { EntryValue } from "../sync/log-encoder.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import { deliveryQueries as queries, type Subject } from "./deliveries.store.ts";
import type { PushMessage } from "./provider.ts";

/** The content of a delivery, built from the current rows. */
export interface PushContent {
  readonly message: PushMessage;
  /** For a room: the place after the message that the push shows. */
  readonly next: { readonly segment: number; readonly position: number };
}

/** A delivery that is still to be sent. */
export interface PendingPush {
  readonly token_key: string;
  readonly subject_id: Subject;
  readonly kind: PushKind;
  readonly from_segment: number;
  readonly from_position: number;
}

export interface PushContentsDeps {
  readonly read: Queries;
  readonly logs: Pick<RoomLogs, "decode">;
  /** Returns the text of a message or an edit. */
  readonly textOf: (event: readonly EntryValue[]) => string | null;
  /** Checks whether a device has a room open now. */
  readonly hasOpen: (sessionId: SessionId, roomId: RoomId) => boolean;
}

/** These limits keep a push far below the 4 KiB of APNs and FCM, even if every character takes the most bytes. */
const MAX_TITLE_CHARACTERS = 100;
const MAX_BODY_CHARACTERS = 240;

/**
 * Builds the content of deliveries. Returns `undefined` when there is nothing to tell any more: it was read, removed or
 * taken back, the student has left the room or does not want such pushes, one of the two students has blocked the other, or
 * the device has the room open.
 */
export const createPushContents =
  ({ read, logs, textOf, hasOpen }: PushContentsDeps) =>
  async (delivery: PendingPush): Promise<PushContent | undefined> => {
    const { token_key: tokenKey, subject_id: subjectId } = delivery;
    const collapseId: string = subjectId;
    if (delivery.kind === "notification") {
      const row = await read.first(queries.notification, { tokenKey, id: toNotificationId(subjectId) });
      if (!row) return undefined;
      const { token, provider, platform, kind, subject_kind, subject_id, status } = row;
      const body = sentences[kind](cutText(row.actor_name ?? "Somebody", MAX_TITLE_CHARACTERS), status);
      const data = { kind, notificationId: subjectId, subjectKind: subject_kind, subjectId: subject_id };
      const message = { token, provider, platform, title: "EdVoyage", body, data, collapseId };
      return { message, next: { segment: delivery.from_segment, position: delivery.from_position } };
    }
    const roomId = toRoomId(subjectId);
    const { from_segment: segment, from_position: position } = delivery;
    const row = await read.first(queries.roomNews, { tokenKey, roomId, segment, position });
    if (!row || hasOpen(row.session_id, roomId)) return undefined;
    const bytes = row.edit_bytes ?? row.bytes;
    const text = row.shows_previews === 1 && bytes ? textOf(logs.decode(bytes)) : null;
    const author = row.author_name ?? "Somebody";
    const isGroup = row.room_kind === "group";
    const title = cutText(isGroup ? (row.room_name ?? "Group") : author, MAX_TITLE_CHARACTERS);
    const preview = text === null ? "New message" : isGroup ? `${author}: ${text}` : text;
    const { token, provider, platform } = row;
    const data = { kind: "message", roomId };
    const body = cutText(preview, MAX_BODY_CHARACTERS);
    return {
      message: { token, provider, platform, title, body, data, collapseId },
      next: { segment: row.segment, position: row.position + 1 },
    };
  };

const sentences: Record<NotificationKind, (actor: string, status: string | null) => string> = {
  liked: (actor) => `${actor} liked your post`,
  commented: (actor) => `${actor} commented`,
  followed: (actor) => `${actor} follows you`,
  mentioned: (actor) => `${actor} mentioned you`,
  added: (actor) => `${actor} added you to a group`,
  moved: (_actor, status) =>
    status === null ? "Your application has moved" : `Your application: ${status.replaceAll("_", " ")}`,
};

/** Cuts a text without splitting a surrogate pair. */
const cutText = (text: string, maxCharacters: number): string =>
  text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");

const toNotificationId = (id: Subject): NotificationId => id as string as NotificationId;

const toRoomId = (id: Subject): RoomId => id as string as RoomId;

import type {
  Area,
  NotificationId,
  NotificationKind,
  NotificationSubjectKind,
  UserId,
} from "@edvoyage/protocol";

/** When what a student's devices show of an area last changed. Read by `inbox.changes`. */
export interface AreaChangesTable {
  user_id: UserId;
  area: Area;
  changed_at: number;
}

/** What happened to a student. Read by `notifications.recent` and `inbox.changes`. */
export interface NotificationsTable {
  user_id: UserId;
  id: NotificationId;
  kind: NotificationKind;
  /** Who did it; `null` for an admin. */
  actor_id: UserId | null;
  subject_kind: NotificationSubjectKind;
  subject_id: string;
  /** What the subject has become, such as the status of an application. */
  status: string | null;
  at: number;
  read_at: number | null;
  changed_at: number;
}

/** What a student wants to hear of; no row is both. Read by `notifications`. */
export interface NotificationPreferencesTable {
  user_id: UserId;
  kind: NotificationKind | "message";
  /** 0 or 1: whether it is in her list. Messages never are. */
  is_listed: number;
  /** 0 or 1: whether her phones are told while the app is closed. */
  is_pushed: number;
}

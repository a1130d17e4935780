import type {
  Area,
  NotificationId,
  NotificationKind,
  NotificationSubjectKind,
  UserId,
} from "@edvoyage/protocol";

/** When an area of a student's data last changed. Read by `inbox.changes`. */
export interface AreaChangesTable {
  user_id: UserId;
  area: Area;
  changed_at: number;
}

/** Notifications of students. Read by `notifications.recent` and `inbox.changes`. */
export interface NotificationsTable {
  user_id: UserId;
  id: NotificationId;
  kind: NotificationKind;
  /** The student who caused it; `null` for an admin. */
  actor_id: UserId | null;
  subject_kind: NotificationSubjectKind;
  subject_id: string;
  /** The new state of the subject, such as the status of an application. */
  status: string | null;
  at: number;
  read_at: number | null;
  changed_at: number;
}

/** Which notifications a student wants. Default without a row: listed and pushed. Read by `notifications`. */
export interface NotificationPreferencesTable {
  user_id: UserId;
  kind: NotificationKind | "message";
  /** 0 or 1: whether it is in the student's list. Messages are never in it. */
  is_listed: number;
  /** 0 or 1: whether the student's devices get a push while the app is closed. */
  is_pushed: number;
}

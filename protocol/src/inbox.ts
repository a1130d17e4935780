import type { Area, Notification } from "./notifications.ts";
import type { InboxRoom, Invitation } from "./rooms.ts";

/** An area of a student's data that changed. */
export interface AreaChange {
  readonly area: Area;
  /** Different after every change, so that a device that already has this value need not ask again. */
  readonly changedAt: number;
}

/** The changes of a student's inbox: everything that the app shows before a room is opened. */
export interface InboxChanges {
  /** The rooms that changed, the one with the newest event first. */
  readonly rooms: readonly InboxRoom[];
  /** All open invitations, whenever they were made: newest first, at most 100. */
  readonly invitations: readonly Invitation[];
  /** The notifications that arrived or were read: newest change first, at most 100. */
  readonly notifications: readonly Notification[];
  /** The number of unread notifications. 1,000 means at least 1,000. */
  readonly unreadNotifications: number;
  /** The student's other areas that changed, whoever changed them. A device should fetch them again. */
  readonly areas: readonly AreaChange[];
  /**
   * Pass it as `cursor` next time, for the next page or for what has changed since this walk through the pages began. Opaque.
   */
  readonly cursor: string;
  /** Whether more rooms had changed: ask again with `cursor` now. Always false without `limit`. */
  readonly hasMore: boolean;
  /** The same on each page of a walk. Pass it as `since` next time, minus a few seconds: writes that are still in progress now are not visible yet. */
  readonly serverNow: number;
}

import type { UserId } from "@edvoyage/protocol";
import type { Admissions } from "../applications/admissions.ts";
import type { Applications } from "../applications/applications.ts";
import type { Chat } from "../chat/chat.ts";
import type { Contacts } from "../contacts/contacts.ts";
import type { Favourites } from "../favourites/favourites.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { Profiles } from "../profile/profile.ts";
import type { Social } from "../social/social.ts";

/**
 * The features as seeded students use them: in one unit of work, at the instant of the act, and without notifying
 * anybody.
 */
export interface SeedServices {
  /** Creates a student with a fictional phone number. */
  register(student: { readonly id: UserId; readonly at: number }): Promise<void>;
  readonly profiles: Pick<Profiles, "update">;
  readonly contacts: Pick<Contacts, "add" | "update">;
  readonly social: Pick<Social, "posts" | "comments" | "students">;
  readonly chat: Chat;
  readonly applications: Applications;
  readonly admissions: Admissions;
  readonly favourites: Favourites;
  readonly notifications: Pick<Notifications, "markRead">;
}

/** The kinds of things that a world counts. */
const COUNTED = [
  "universities",
  "courses",
  "students",
  "contacts",
  "follows",
  "posts",
  "comments",
  "likes",
  "rooms",
  "messages",
  "reactions",
  "applications",
  "favourites",
] as const;

/** The number of things by kind. */
export type WorldCounts = Readonly<Record<(typeof COUNTED)[number], number>>;

/** An act of a seeded student, or of the admissions office on a student's application. */
export interface SeedAction {
  /** When it happens, epoch milliseconds; before the world was started. */
  readonly at: number;
  /** The kind of thing of which it adds one; `null` if none is counted. */
  readonly adds: keyof WorldCounts | null;
  run(services: SeedServices): Promise<unknown>;
}

/** Counts the things that acts add, by kind. */
export const countActions = (acts: readonly SeedAction[]): WorldCounts => {
  const counts = { ...NOTHING };
  for (const { adds } of acts) if (adds) counts[adds] += 1;
  return counts;
};

const NOTHING: WorldCounts = {
  universities: 0,
  courses: 0,
  students: 0,
  contacts: 0,
  follows: 0,
  posts: 0,
  comments: 0,
  likes: 0,
  rooms: 0,
  messages: 0,
  reactions: 0,
  applications: 0,
  favourites: 0,
};

/** Sorts acts by time. Acts of the same instant keep their order. */
export const sortByTime = (acts: readonly SeedAction[]): SeedAction[] =>
  acts.toSorted((one, other) => one.at - other.at);

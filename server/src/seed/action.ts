import type { UserId } from "@edvoyage/protocol";
import type { Admissions } from "../applications/admissions.ts";
import type { Applications } from "../applications/applications.ts";
import type { Chat } from "../chat/chat.ts";
import type { Contacts } from "../contacts/contacts.ts";
import type { Favourites } from "../favourites/favourites.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { Profiles } from "../profile/profile.ts";
import type { Social } from "../social/social.ts";

/** The features as seeded students use them: all in one unit of work, at the instant of the act, and heard by nobody. */
export interface SeedServices {
  /** Makes a student whose number nobody has and nobody can have. */
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

/** What a world is counted in. */
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

/** How much there is, by what it is. */
export type WorldCounts = Readonly<Record<(typeof COUNTED)[number], number>>;

/** Something that a seeded student does, or that is done to her. */
export interface SeedAction {
  /** Epoch milliseconds, before the world was begun. */
  readonly at: number;
  /** What it adds one of, if that is counted. */
  readonly adds: keyof WorldCounts | null;
  run(services: SeedServices): Promise<unknown>;
}

/** How many of each some acts add. */
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

/** Acts in the order in which they happened; those of one instant as they were. */
export const sortByTime = (acts: readonly SeedAction[]): SeedAction[] =>
  acts.toSorted((one, other) => one.at - other.at);

import type { CourseId, RoomId, UniversityId, UserId } from "./ids.ts";

/** What a socket can be opened for: `/sync/<name>`. */
export type DocumentAddress =
  /** One student's own data, written by her devices. */
  | { readonly kind: "user"; readonly userId: UserId }
  /** One segment of a room's log, written by the server alone. */
  | { readonly kind: "room"; readonly roomId: RoomId; readonly segment: number };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const USER_NAME = new RegExp(`^user/(${UUID})$`);
/** Nine digits: more segments than a room will ever have, and no number that loses digits. */
const ROOM_NAME = new RegExp(`^room/(${UUID})/(0|[1-9][0-9]{0,8})$`);

/** Parses a document's name; `undefined` for anything that no document is called. */
export const parseDocumentName = (name: string): DocumentAddress | undefined => {
  const user = USER_NAME.exec(name);
  if (user?.[1]) return { kind: "user", userId: user[1] as UserId };
  const room = ROOM_NAME.exec(name);
  if (room?.[1] && room[2]) return { kind: "room", roomId: room[1] as RoomId, segment: Number(room[2]) };
  return undefined;
};

/** The name of a student's own document. */
export const userDocumentName = (userId: UserId): string => `user/${userId}`;

/** The name of one segment of a room; the first is 0. */
export const roomDocumentName = (roomId: RoomId, segment: number): string => `room/${roomId}/${segment}`;

/** The array of a segment that holds its events. */
export const EVENTS_ROOT = "events";

/** The arrays of a user document, each in the shape of y-utility's `YKeyValue`. */
export const USER_ROOTS = ["favourites", "settings"] as const;
/** One of the arrays of a user document. */
export type UserRoot = (typeof USER_ROOTS)[number];

/** What the server takes of an entry of a user document, a plain `{key, val}`. */
export const ENTRY_LIMITS = {
  /** Characters (UTF-16 code units) of the key. */
  keyCharacters: 128,
  /** Bytes of the value in lib0's `any` encoding. */
  valueBytes: 2 * 1024,
  /** How deep arrays and objects of the value may lie; a plain value is 1. */
  nesting: 32,
} as const;

/** Names that nothing in a value may have: read into a plain object, they become or shadow what every object has. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What can be a favourite. */
export const FAVOURITE_KINDS = ["university", "course"] as const;
/** What a favourite is of. */
export type FavouriteKind = (typeof FAVOURITE_KINDS)[number];

/** A favourite by kind and id. */
export interface FavouriteTarget {
  readonly kind: FavouriteKind;
  readonly id: UniversityId | CourseId;
}

/** What the document keeps of a favourite, under its key. */
export interface FavouriteValue {
  /** Epoch milliseconds of the device's clock. */
  readonly addedAt: number;
}

const FAVOURITE_KEY = new RegExp(`^(${FAVOURITE_KINDS.join("|")}):(${UUID})$`);

/** The key of a favourite: `university:<id>` or `course:<id>`. */
export const favouriteKey = ({ kind, id }: FavouriteTarget): string => `${kind}:${id}`;

/** Parses the key of a favourite; `undefined` for any other. */
export const parseFavouriteKey = (key: string): FavouriteTarget | undefined => {
  const match = FAVOURITE_KEY.exec(key);
  if (!match?.[1] || !match[2]) return undefined;
  return { kind: match[1] as FavouriteKind, id: match[2] as UniversityId | CourseId };
};

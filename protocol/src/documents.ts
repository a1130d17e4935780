import type { CourseId, RoomId, UniversityId, UserId } from "./ids.ts";

/** The address of a document that a socket can be opened for: `/sync/<name>`. */
export type DocumentAddress =
  /** One student's own data, written by the student's devices. */
  | { readonly kind: "user"; readonly userId: UserId }
  /** One segment of a room's log, written only by the server. */
  | { readonly kind: "room"; readonly roomId: RoomId; readonly segment: number };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const USER_NAME = new RegExp(`^user/(${UUID})$`);
/** At most nine digits: more segments than a room ever has, and still an exact number. */
const ROOM_NAME = new RegExp(`^room/(${UUID})/(0|[1-9][0-9]{0,8})$`);

/** Parses the name of a document; `undefined` for anything else. */
export const parseDocumentName = (name: string): DocumentAddress | undefined => {
  const user = USER_NAME.exec(name);
  if (user?.[1]) return { kind: "user", userId: user[1] as UserId };
  const room = ROOM_NAME.exec(name);
  if (room?.[1] && room[2]) return { kind: "room", roomId: room[1] as RoomId, segment: Number(room[2]) };
  return undefined;
};

/** Builds the name of a student's own document. */
export const userDocumentName = (userId: UserId): string => `user/${userId}`;

/** Builds the name of one segment of a room; the first segment is 0. */
export const roomDocumentName = (roomId: RoomId, segment: number): string => `room/${roomId}/${segment}`;

/** The array of a segment that holds its events. */
export const EVENTS_ROOT = "events";

/** The arrays of a user document, each in the shape of y-utility's `YKeyValue`. */
export const USER_ROOTS = ["favourites", "settings"] as const;
/** One of the arrays of a user document. */
export type UserRoot = (typeof USER_ROOTS)[number];

/** The limits of an entry of a user document, a plain `{key, val}`. */
export const ENTRY_LIMITS = {
  /** Characters (UTF-16 code units) of the key. */
  keyCharacters: 128,
  /** Bytes of the value in lib0's `any` encoding. */
  valueBytes: 2 * 1024,
  /** The deepest nesting of arrays and objects in the value; a plain value has depth 1. */
  nesting: 32,
} as const;

/** Property names that are forbidden in values: in a plain object they would change or hide inherited properties. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** The kinds of favourites. */
export const FAVOURITE_KINDS = ["university", "course"] as const;
/** The kind of a favourite. */
export type FavouriteKind = (typeof FAVOURITE_KINDS)[number];

/** The target of a favourite, by kind and id. */
export interface FavouriteTarget {
  readonly kind: FavouriteKind;
  readonly id: UniversityId | CourseId;
}

/** The value of a favourite in the document. */
export interface FavouriteValue {
  /** When it was added, in epoch milliseconds: by the device's clock, or by the server's for a client without the document. */
  readonly addedAt: number;
}

/** A university or course that a student likes. */
export interface Favourite extends FavouriteTarget, FavouriteValue {}

const FAVOURITE_KEY = new RegExp(`^(${FAVOURITE_KINDS.join("|")}):(${UUID})$`);

/** Builds the key of a favourite: `university:<id>` or `course:<id>`. */
export const favouriteKey = ({ kind, id }: FavouriteTarget): string => `${kind}:${id}`;

/** Parses the key of a favourite; `undefined` for any other key. */
export const parseFavouriteKey = (key: string): FavouriteTarget | undefined => {
  const match = FAVOURITE_KEY.exec(key);
  if (!match?.[1] || !match[2]) return undefined;
  return { kind: match[1] as FavouriteKind, id: match[2] as UniversityId | CourseId };
};

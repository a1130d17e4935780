import type { UserId } from "@edvoyage/protocol";

/** A student as shown in posts, comments and lists. */
export interface StudentName {
  readonly id: UserId;
  readonly name: string | null;
  /** An `https:` URL. */
  readonly photoUrl: string | null;
}

/** The columns of a student in query results. */
export interface StudentRow {
  readonly id: UserId;
  readonly name: string | null;
  readonly photo_url: string | null;
}

export const rowToStudent = ({ id, name, photo_url: photoUrl }: StudentRow): StudentName => ({
  id,
  name,
  photoUrl,
});

import type { UserId } from "@edvoyage/protocol";

/** A student as posts, comments and lists name her. */
export interface StudentName {
  readonly id: UserId;
  readonly name: string | null;
  /** `https:`. */
  readonly photoUrl: string | null;
}

/** A student as queries name her. */
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

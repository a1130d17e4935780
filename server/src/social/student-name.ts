import type { UserId, StudentName } from "@edvoyage/protocol";

export type { StudentName } from "@edvoyage/protocol";

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

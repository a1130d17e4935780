import type { Queries } from "@edvoyage/db";
import type { ApplicationId, ApplicationStatus, UserId } from "@edvoyage/protocol";
import { applicationColumns, type ApplicationRow } from "./applications.store.ts";

/** An application with its student's phone and name. */
export interface InspectedRow extends ApplicationRow {
  readonly phone: string;
  readonly name: string | null;
}

/** A page of applications for admins, newest first. */
export const inspectedPage = (
  source: Queries,
  filter: {
    readonly id?: ApplicationId;
    readonly status?: ApplicationStatus | undefined;
    readonly userId?: UserId | undefined;
    readonly before?: string | undefined;
    readonly limit: number;
  },
): Promise<InspectedRow[]> => {
  const { id, status, userId, before, limit } = filter;
  let query = source.kysely
    .selectFrom("applications")
    .innerJoin("users", "users.id", "applications.user_id")
    .leftJoin("profiles", "profiles.user_id", "applications.user_id")
    .leftJoin("courses", "courses.id", "applications.course_id")
    .select([...applicationColumns, "users.phone", "profiles.name"])
    .orderBy("applications.id", "desc")
    .limit(limit);
  if (id !== undefined) query = query.where("applications.id", "=", id);
  if (status) query = query.where("applications.status", "=", status);
  if (userId !== undefined) query = query.where("applications.user_id", "=", userId);
  if (before !== undefined) query = query.where("applications.id", "<", before as ApplicationId);
  return query.execute();
};

import type { SentApplication } from "@edvoyage/server";
import { v7 as uuidv7 } from "uuid";
import type { Student } from "./student.ts";
import type { World } from "../servers/world.ts";

/** The fields that a draft needs before it can be submitted. */
export const COMPLETE_FIELDS = {
  intakeYear: 2028,
  studyMode: "full-time",
  contactEmail: "ada@example.org",
  funding: "scholarship",
  statement: "I have wanted to since I was nine.",
} as const;

/** Returns the ids of some courses of the catalogue. Seeds the catalogue if it is empty. */
export const someCourses = async (world: World, count: number): Promise<readonly string[]> => {
  await world.server.seedIfEmpty();
  return (await world.rpc().courses.list.query({ limit: count })).items.map(({ id }) => id);
};

/** Creates a draft that can be submitted. */
export const createCompleteDraft = async (
  { rpc }: Pick<Student, "rpc">,
  courseId: string,
): Promise<SentApplication> => {
  const { applications } = rpc;
  const { id: applicationId } = await applications.create.mutate({
    courseId,
    fields: COMPLETE_FIELDS,
    commandId: uuidv7(),
  });
  const document = { applicationId, name: "scan.pdf", status: "uploaded" } as const;
  await applications.addDocument.mutate({ ...document, kind: "passport", commandId: uuidv7() });
  return applications.addDocument.mutate({ ...document, kind: "transcript", commandId: uuidv7() });
};

/** Creates a submitted application. */
export const createSubmitted = async (
  student: Pick<Student, "rpc">,
  courseId: string,
): Promise<SentApplication> => {
  const { id: applicationId } = await createCompleteDraft(student, courseId);
  return student.rpc.applications.submit.mutate({ applicationId });
};

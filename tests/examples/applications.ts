import type { Client } from "@edvoyage/client-sdk";

/** Creates an application and fills it in, with or without a network; returns its id. */
export const apply = async ({ applications, courses }: Client, courseId: string): Promise<string> => {
  const { id } = await applications.create(await courses.get(courseId), { studyMode: "full-time" });
  await applications.update(id, { intakeYear: 2028, statement: "Since I was nine." });
  return id;
};

/** Asks the student which version to keep if two devices have edited the same field. */
export const settleConflict = async (
  { applications }: Client,
  id: string,
  askWhose: (field: string, texts: { mine: unknown; theirs: unknown }) => Promise<"mine" | "theirs">,
): Promise<void> => {
  const { conflict } = await applications.one(id).get();
  const [first] = Object.entries(conflict?.fields ?? {});
  if (first) await applications.resolve(id, await askWhose(...first));
};

import { isEdVoyageError, type Client } from "@edvoyage/client-sdk";

/** Begins an application and fills it in, with a network or without; returns its id. */
export const apply = async ({ applications, courses }: Client, courseId: string): Promise<string> => {
  const id = await applications.create(await courses.get(courseId), { studyMode: "full-time" });
  await applications.update(id, { intakeYear: 2028, statement: "Since I was nine." });
  return id;
};

/** Asks the student whose words count where two of her devices wrote to the same field. */
export const settleConflict = async (
  { applications }: Client,
  id: string,
  askWhose: (field: string, texts: { mine: unknown; theirs: unknown }) => Promise<"mine" | "theirs">,
): Promise<void> => {
  const { conflict } = await applications.one(id).get();
  const [first] = Object.entries(conflict?.fields ?? {});
  if (first) await applications.resolve(id, await askWhose(...first));
};

/** Erases the student; `signInAgain` shows why she has to prove who she is. */
export const leaveForGood = async (
  { account }: Client,
  signInAgain: () => Promise<void>,
): Promise<number> => {
  try {
    return (await account.delete()).eraseAt;
  } catch (error) {
    if (!isEdVoyageError(error) || error.reason !== "session/not-fresh") throw error;
    await signInAgain();
    return (await account.delete()).eraseAt;
  }
};

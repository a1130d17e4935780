import { isEdVoyageError, type Client } from "@edvoyage/client-sdk";

/** Erases the student's account; `signInAgain` explains why the student has to sign in again first. */
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

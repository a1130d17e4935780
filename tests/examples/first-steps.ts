import { createClient, isEdVoyageError, type Client } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { WebSocket } from "ws";

export const openClient = async (url: string, folder: string): Promise<Client> => {
  const client = createClient({ url, storage: createSqliteStorage({ folder }), WebSocket });
  await client.ready();
  return client;
};

/** Signs in; `askForCode` shows the student a field and says why it asks again. */
export const signIn = async (
  { auth }: Client,
  phone: string,
  askForCode: (problem?: string) => Promise<string>,
): Promise<void> => {
  await auth.requestCode(phone);
  let problem: string | undefined;
  while (auth.status.state === "codeSent") {
    try {
      await auth.verifyCode(await askForCode(problem));
    } catch (error) {
      if (!isEdVoyageError(error)) throw error;
      problem = error.reason;
    }
  }
};

import type { Client } from "@edvoyage/client-sdk";

/** Describes in one line what is saved. */
export const describeSync = ({ sync, outbox }: Client): string => {
  const { pending, failed } = sync.status;
  if (failed > 0) return `Not sent: ${outbox.list().find(({ state }) => state === "failed")?.procedure}`;
  return pending > 0 ? `Saved on this phone; ${pending} to send` : "Saved";
};

/** Signs out of a shared phone. Asks what to do if unsent changes would stay on it. */
export const signOut = async (client: Client, askWhetherToDiscard: () => Promise<boolean>): Promise<void> => {
  try {
    await client.auth.signOut({ pending: "flush" });
  } catch {
    const shouldDiscard = await askWhetherToDiscard();
    await client.auth.signOut({ pending: shouldDiscard ? "discard" : "keep" });
  }
};

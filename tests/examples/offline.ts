import type { Client } from "@edvoyage/client-sdk";

/** Tells the student what is safe, in a line. */
export const describeSync = ({ sync, outbox }: Client): string => {
  const { pending, failed } = sync.status;
  if (failed > 0) return `Not sent: ${outbox.list().find(({ state }) => state === "failed")?.procedure}`;
  return pending > 0 ? `Saved on this phone; ${pending} to send` : "Saved";
};

/** Signs out of a shared phone, and asks when something would be left behind. */
export const signOut = async (client: Client, askWhetherToDiscard: () => Promise<boolean>): Promise<void> => {
  try {
    await client.auth.signOut({ pending: "flush" });
  } catch {
    const isToGo = await askWhetherToDiscard();
    await client.auth.signOut({ pending: isToGo ? "discard" : "keep" });
  }
};

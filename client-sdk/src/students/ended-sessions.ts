import * as deviceChanges from "../auth/device-changes.ts";
import type { EndedSession } from "../auth/device-changes.ts";
import type { Device } from "../auth/device.ts";
import { createHttpCaller } from "../rpc/http-caller.ts";
import type { ClientEnvironment } from "../runtime/environment.ts";
import { isTransient, toEdVoyageError } from "../runtime/errors.ts";

/**
 * Ends sessions on the server, and deletes their keys from the device once the server has decided, either way. Throws the server's
 * error if it has not, `offline` included, and what the device throws.
 */
export const endOnServer = async (
  sessions: readonly EndedSession[],
  {
    device,
    environment,
    closed,
  }: {
    readonly device: Device;
    readonly environment: Pick<ClientEnvironment, "url" | "fetch" | "clock">;
    /** Aborted when the client closes. */
    readonly closed: AbortSignal;
  },
): Promise<void> => {
  const { url, fetch, clock } = environment;
  for (const { id, token } of sessions) {
    const rpc = createHttpCaller({ url, fetch, clock, closed, token: () => token, sessionId: () => id });
    await rpc.sessions.logout.mutate().catch((error: unknown) => {
      if (isTransient(toEdVoyageError(error).reason)) throw error;
    });
    await device.write([deviceChanges.removeEnded(id)]);
  }
  await device.purge();
};

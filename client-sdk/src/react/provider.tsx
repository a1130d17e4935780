import { createContext, useContext, useEffect, type ReactNode } from "react";
import type { Client } from "../create-client.ts";

const ClientContext = createContext<Client | undefined>(undefined);

/**
 * Provides a client to all hooks below it and calls `ready()`. `onError` is called when the device's storage cannot be opened;
 * without `onError` that is an unhandled rejection.
 */
export const EdVoyageProvider = ({
  client,
  onError,
  children,
}: {
  readonly client: Client;
  readonly onError?: (error: unknown) => void;
  readonly children?: ReactNode;
}): ReactNode => {
  useEffect(() => {
    const ready = client.ready();
    if (onError) ready.catch(onError);
  }, [client, onError]);
  return <ClientContext.Provider value={client}>{children}</ClientContext.Provider>;
};

/** Returns the client of the nearest provider. Throws when there is none. */
export const useClient = (): Client => {
  const client = useContext(ClientContext);
  if (!client) throw new Error("There is no <EdVoyageProvider> around this component.");
  return client;
};

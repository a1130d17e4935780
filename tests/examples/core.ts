import { contacts, createCoreClient, notifications, push } from "@edvoyage/client-sdk/core";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";

export const openCoreClient = async (url: string, folder: string) => {
  const client = createCoreClient(
    { url, storage: createSqliteStorage({ folder }) },
    { contacts, notifications, push },
  );
  await client.ready();
  return client;
};

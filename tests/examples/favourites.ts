import type { Client } from "@edvoyage/client-sdk";

/** Looks for a university and keeps it, with a network or without. */
export const keepFirst = async (client: Client, query: string): Promise<string> => {
  // From the device when it has seen this before, else from the server.
  const { items } = await client.universities.list({ query });
  const [first] = items;
  if (!first) return "There is no such university.";

  const isFavourite = await client.favourites.toggle("university", first.id); // on the disk from here on
  return `${first.name} is ${isFavourite ? "now" : "no longer"} a favourite; there are ${client.favourites.list().length}.`;
};

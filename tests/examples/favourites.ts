import type { Client } from "@edvoyage/client-sdk";

/** Finds a university and makes it a favourite or removes it again, with or without a network. */
export const keepFirst = async (client: Client, query: string): Promise<string> => {
  // Read from the device if it has seen this before, otherwise from the server.
  const { items } = await client.universities.list({ query });
  const [first] = items;
  if (!first) return "There is no such university.";

  const isFavourite = await client.favourites.toggle("university", first.id); // stored on the device from here on
  return `${first.name} is ${isFavourite ? "now" : "no longer"} a favourite; there are ${client.favourites.list().length}.`;
};

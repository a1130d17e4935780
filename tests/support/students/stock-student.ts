import {
  favouriteKey,
  roomDocumentName,
  userDocumentName,
  type FavouriteValue,
  type RoomId,
  type UniversityId,
} from "@edvoyage/protocol";
import { v7 as uuidv7 } from "uuid";
import { YKeyValue } from "y-utility/y-keyvalue";
import * as Y from "yjs";
import type { Student } from "./student.ts";
import { connectStock, type StockClient } from "../network/sync-client.ts";
import type { World } from "../servers/world.ts";

/** Returns the server and the key of a student's sockets. */
export const targetOf = (world: World, { token }: Student) => ({ url: world.url, token });

/** Opens a segment of a room with the stock client. */
export const openRoom = (world: World, student: Student, roomId: string, segment = 0): StockClient =>
  connectStock(targetOf(world, student), roomDocumentName(roomId as RoomId, segment));

/** Opens the student's own document with the stock client. */
export const openOwn = (world: World, student: Student, doc = new Y.Doc()): StockClient =>
  connectStock(targetOf(world, student), userDocumentName(student.id), { doc });

/** Sends a message to a room. */
export const say = ({ rpc }: Student, roomId: string, text: string) =>
  rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });

/** Toggles a favourite in a document, as an app does on the device. */
export const toggle = (doc: Y.Doc, id: string): void => {
  const favourites = new YKeyValue<FavouriteValue>(doc.getArray("favourites"));
  const key = favouriteKey({ kind: "university", id: id as UniversityId });
  if (favourites.has(key)) favourites.delete(key);
  else favourites.set(key, { addedAt: 1_788_000_000_000 });
};

/** Returns the keys of the favourites in a document, in order. */
export const favouritesOf = (doc: Y.Doc): string[] =>
  [...new YKeyValue<FavouriteValue>(doc.getArray("favourites")).map.keys()].sort((a, b) => (a < b ? -1 : 1));

/** Returns the keys of the favourites in the server's table, in order. */
export const favouritesTable = async ({ rpc }: Student): Promise<string[]> => {
  const { items } = await rpc.favourites.list.query({ limit: 100 });
  return items.map(({ kind, id }) => `${kind}:${id}`).sort((a, b) => (a < b ? -1 : 1));
};

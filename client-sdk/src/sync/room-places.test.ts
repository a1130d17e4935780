import { expect, test } from "vitest";
import { changeRooms, MAX_CONNECTED_ROOMS, type PlacedRoom } from "./room-places.ts";

interface Room extends PlacedRoom {
  readonly name: string;
}

const room = (askedAt: number, state: "synced" | "syncing" | "behind" | "idle"): Room => ({
  name: `${state} ${askedAt}`,
  askedAt,
  isConnected: state === "synced" || state === "syncing",
  isSynced: state === "synced",
  isBehind: state === "behind" || state === "syncing",
});

const rooms = (count: number, state: Parameters<typeof room>[1], from = 0): readonly Room[] =>
  Array.from({ length: count }, (_, index) => room(from + index, state));

const changesOf = (connected: readonly Room[], waiting: readonly Room[]) =>
  changeRooms([...connected, ...waiting], waiting).map(({ connect, release }) => [
    connect.name,
    release?.name ?? null,
  ]);

test("connects rooms that are behind first, the latest asked for before the others", () => {
  const changes = changesOf([], [room(1, "idle"), room(2, "behind"), room(3, "idle"), room(4, "behind")]);

  expect(changes).toEqual([
    ["behind 4", null],
    ["behind 2", null],
    ["idle 3", null],
    ["idle 1", null],
  ]);
});

test("releases the synced room that was asked for first when a room lacks something", () => {
  const changes = changesOf(rooms(MAX_CONNECTED_ROOMS, "synced", 100), [
    room(1, "behind"),
    room(2, "behind"),
  ]);

  expect(changes).toEqual([
    ["behind 2", "synced 100"],
    ["behind 1", "synced 101"],
  ]);
});

test("takes no place from a room for one that has everything", () => {
  expect(changesOf(rooms(MAX_CONNECTED_ROOMS, "synced"), [room(99, "idle")])).toEqual([]);
});

test("takes no place from a room that is not synced yet", () => {
  const connected = [...rooms(MAX_CONNECTED_ROOMS - 1, "syncing"), room(50, "synced")];

  expect(changesOf(connected, [room(99, "behind")])).toEqual([]);
});

test("syncs at most four rooms at once", () => {
  expect(changesOf([], rooms(30, "behind"))).toHaveLength(4);
  expect(changesOf(rooms(3, "syncing"), rooms(30, "behind", 10))).toHaveLength(1);
});

test("never has more rooms connected than there are places", () => {
  expect(changesOf(rooms(MAX_CONNECTED_ROOMS - 2, "synced"), rooms(9, "idle", 50))).toHaveLength(2);
});

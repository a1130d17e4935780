/** A room's socket, as one of more rooms than may be connected at once. */
export interface PlacedRoom {
  /** Whether its connection is open or opening. */
  readonly isConnected: boolean;
  /** Whether it has everything that the server had when it connected. */
  readonly isSynced: boolean;
  /** Whether it needs a connection now: the device does not have everything yet. */
  readonly isBehind: boolean;
  /** Higher for a room that was asked for later. */
  readonly askedAt: number;
}

/**
 * The most rooms that are connected at once. A session may have 24 sockets (`socketsPerSession`); the rest is for the user
 * document and for a second program with the same session.
 */
export const MAX_CONNECTED_ROOMS = 12;
/** The most rooms that are synced at once, so that a slow line completes some before it begins others. */
const MAX_SYNCING_ROOMS = 4;

/** Rooms to connect now, in this order. `release` gives up its connection first, so that there is a place. */
export interface RoomChange<Room> {
  readonly connect: Room;
  readonly release: Room | undefined;
}

/**
 * Decides which rooms to connect. Rooms that are behind come first, then the rest, each the latest asked for first. When all
 * places are taken, a room that is behind takes the place of the synced room that was asked for first. `waiting` are the
 * rooms that may connect now.
 */
export const changeRooms = <Room extends PlacedRoom>(
  rooms: readonly Room[],
  waiting: readonly Room[],
): readonly RoomChange<Room>[] => {
  const connected = rooms.filter(({ isConnected }) => isConnected);
  const idle = connected.filter(({ isSynced }) => isSynced).sort((one, other) => one.askedAt - other.askedAt);
  const next = [...waiting].sort(
    (one, other) => Number(other.isBehind) - Number(one.isBehind) || other.askedAt - one.askedAt,
  );
  const maxChanges = MAX_SYNCING_ROOMS - (connected.length - idle.length);
  let places = MAX_CONNECTED_ROOMS - connected.length;
  const changes: RoomChange<Room>[] = [];
  for (const room of next) {
    if (changes.length >= maxChanges) break;
    const release = places > 0 || !room.isBehind ? undefined : idle.shift();
    if (places <= 0 && !release) break;
    if (!release) places -= 1;
    changes.push({ connect: room, release });
  }
  return changes;
};

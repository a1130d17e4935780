import { randomUUID } from "node:crypto";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CLOSE_CODES, roomDocumentName, type RoomId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import * as Y from "yjs";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { connectRaw, connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import { createWorld, joinWorld } from "../../support/servers/world.ts";
import { openRoom, openOwn, say, toggle, favouritesOf } from "../../support/students/stock-student.ts";

describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL", () => {
  test("[SY12] [SY15] [SY27] pass messages, favourites, revocations and departures from one to the other", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(one);
    const [ada, bo] = [await createStudent(one), await createStudent(one)];
    const roomId = await openGroup(ada, [bo]);
    const bosClient = openRoom(other, bo, roomId);
    const [phone, tablet] = [openOwn(one, ada), openOwn(other, ada)];
    await Promise.all([bosClient, phone, tablet].map((client) => client.synced()));
    const untilPolled = (condition: () => boolean) =>
      untilWithin({ clock: one.clock, within: { seconds: 1 } }, condition);

    await say(ada, roomId, "from the other node");
    await untilPolled(() => bosClient.texts().includes("from the other node"));
    toggle(phone.doc, randomUUID());
    await untilPolled(() => favouritesOf(tablet.doc).length === 1);
    await ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id });
    await say(ada, roomId, "after bo");
    let left: number | undefined;
    void bosClient.closed().then((code) => (left = code));
    await untilPolled(() => left !== undefined);
    let ended: number | undefined;
    void tablet.closed().then((code) => (ended = code));
    await ada.rpc.sessions.logout.mutate();
    await untilPolled(() => ended !== undefined);

    expect([left, ended]).toEqual([CLOSE_CODES.forbidden, CLOSE_CODES.noSession]);
    expect(bosClient.texts()).toEqual(["from the other node"]);
  });
});

describe("a server whose database was restored to an earlier state", () => {
  /** A room of two students with three messages, a backup of it, and two messages that the backup lacks. */
  const createScene = async () => {
    const world = await createWorld();
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    for (const text of ["a", "b", "c"]) await say(ada, roomId, text);
    const { path } = await world.admin.admin.database.backup.mutate();
    for (const text of ["lost 1", "lost 2"]) await say(ada, roomId, text);
    const client = openRoom(world, ada, roomId);
    await until(() => client.texts().length === 5);
    client.provider.disconnect();
    return { world, ada, bo, roomId, path, copy: client.doc };
  };

  test("[SY47] [SY48] refuses older copies after a restore by the command, and accepts fresh ones", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const restored = await runTerminal(["db", "restore", path, "--yes"], {
      environment: { EDVOYAGE_DATA_DIR: world.dataDir, EDVOYAGE_DATABASE_URL: world.databaseUrl },
    });
    expect(restored, restored.stderr).toMatchObject({ exitCode: 0 });
    const reopened = await world.restart();
    const session = await reopened.device({ phone: ada.phone }).signIn();
    const vector = Y.encodeStateVector(copy);
    const raw = await connectRaw(
      { url: reopened.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    raw.send(0, 0, vector.length, vector);

    expect(await raw.closed).toBe(CLOSE_CODES.forked);
    const fresh = connectStock(
      { url: reopened.url, token: session.token },
      roomDocumentName(roomId as RoomId, 0),
    );
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c"]);
  });

  test("[SY47] [SY49] refuses a copy that is ahead after a restore without notice, and reveals the others by the id at their head", async () => {
    const { world, ada, roomId, path, copy } = await createScene();

    await world.server.close();
    const file = world.databaseUrl.slice("sqlite:".length);
    copyFileSync(path, file);
    const folder = join(file, "..");
    expect(readdirSync(folder).some((name) => name.endsWith("-wal"))).toBe(false);
    const restored = await world.restart();
    const rpc = restored.rpc({ token: ada.token });
    const name = roomDocumentName(roomId as RoomId, 0);
    const vector = Y.encodeStateVector(copy);
    const ahead = await connectRaw({ url: restored.url, token: ada.token }, name);
    ahead.send(0, 0, vector.length, vector);
    expect(await ahead.closed).toBe(CLOSE_CODES.forked);

    // The lost messages are replaced. Now the state vectors are equal, and only the ids differ.
    for (const text of ["new 1", "new 2"]) await rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });
    const { rooms } = await rpc.inbox.changes.query();
    const room = rooms.find(({ id }) => id === roomId);
    const { head } = room?.state === "member" ? room : expect.fail();
    const mine = copy.getArray<readonly unknown[]>("events").get(head.index);

    expect(mine[2]).not.toBe(head.id);
    const fresh = connectStock({ url: restored.url, token: ada.token }, name);
    await fresh.synced();
    expect(fresh.texts()).toEqual(["a", "b", "c", "new 1", "new 2"]);
    expect(fresh.events().at(-1)?.[2]).toBe(head.id);
  });
});

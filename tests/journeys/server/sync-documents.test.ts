import { randomUUID } from "node:crypto";
import { CLOSE_CODES, MESSAGE_TYPES, userDocumentName } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent } from "../../support/students/student.ts";
import { connectRaw, until } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";
import {
  targetOf,
  openOwn,
  toggle,
  favouritesOf,
  favouritesTable,
} from "../../support/students/stock-student.ts";

describe.each(DIALECTS)("the user document over the stock client, on %s", (dialect) => {
  test("[SY34] agrees with the table after two devices toggled offline and came back in either order", async () => {
    for (const isFirstBackFirst of [true, false]) {
      const world = await createWorld({ dialect });
      const student = await createStudent(world);
      const devices = [openOwn(world, student), openOwn(world, student)] as const;
      await Promise.all(devices.map((device) => device.synced()));
      const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
      toggle(devices[0].doc, a);
      await until(() => favouritesOf(devices[1].doc).length === 1);
      for (const { provider } of devices) provider.disconnect();

      toggle(devices[0].doc, a);
      toggle(devices[0].doc, b);
      toggle(devices[1].doc, c);
      const [first, second] = isFirstBackFirst ? devices : [devices[1], devices[0]];
      first.provider.connect();
      await first.synced();
      second.provider.connect();
      const expected = [`university:${b}`, `university:${c}`].sort((x, y) => (x < y ? -1 : 1));
      await until(() => devices.every(({ doc }) => favouritesOf(doc).join() === expected.join()));
      await until(async () => (await favouritesTable(student)).join() === expected.join());
    }
  });

  test("[SY32] keeps an edit between connecting and the handshake", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const first = openOwn(world, student);
    await first.synced();
    toggle(first.doc, randomUUID());
    await until(async () => (await favouritesTable(student)).length === 1);
    first.provider.disconnect();
    toggle(first.doc, randomUUID());

    first.provider.connect();
    await until(() => first.provider.wsconnected || first.provider.wsconnecting);
    toggle(first.doc, randomUUID());

    await until(async () => (await favouritesTable(student)).length === 3);
  });

  test("[SY31] [SY37] answers a barrier after the commit of everything before it", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const doc = new Y.Doc();
    toggle(doc, randomUUID());
    const update = Y.encodeStateAsUpdate(doc);
    const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));

    raw.send(
      0,
      2,
      ...(update.length < 128 ? [update.length] : [(update.length & 127) | 128, update.length >> 7]),
      update,
    );
    raw.send(MESSAGE_TYPES.barrier, 1, 7);
    await until(() => raw.received.some((frame) => frame[0] === MESSAGE_TYPES.barrier));

    expect(await favouritesTable(student)).toHaveLength(1);
  });

  test("[SY35] sends favourites that were added without Yjs to devices with Yjs", async () => {
    const world = await createWorld({ dialect });
    await world.server.seedIfEmpty();
    const student = await createStudent(world);
    const device = openOwn(world, student);
    await device.synced();
    const [university] = (await student.rpc.universities.list.query({ limit: 1 })).items;
    const favourite = { kind: "university" as const, id: university?.id ?? "" };

    expect(await student.rpc.favourites.add.mutate(favourite)).toEqual({ created: true });
    await until(() => favouritesOf(device.doc).join() === `university:${favourite.id}`);
    toggle(device.doc, favourite.id);
    await until(async () => (await favouritesTable(student)).length === 0);
    expect(await student.rpc.favourites.add.mutate(favourite)).toEqual({ created: true });
  });

  test("[SY29] [SY30] closes the socket for bytes that no honest client sends, and changes nothing", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const device = openOwn(world, student);
    await device.synced();
    toggle(device.doc, randomUUID());
    await until(async () => (await favouritesTable(student)).length === 1);

    // A Yjs update of seven bytes that announces 2^25 structs, and one with an unknown root.
    const unknownRoot = new Y.Doc();
    unknownRoot.getMap("admin").set("isAdmin", true);
    for (const update of [Uint8Array.of(1, 128, 128, 128, 16, 1, 0), Y.encodeStateAsUpdate(unknownRoot)]) {
      const raw = await connectRaw(targetOf(world, student), userDocumentName(student.id));
      raw.send(0, 2, update.length, update);
      expect(await raw.closed).toBe(CLOSE_CODES.malformed);
    }

    expect(device.provider.wsconnected).toBe(true);
    expect(await favouritesTable(student)).toHaveLength(1);
  });
});

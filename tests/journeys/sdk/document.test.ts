import { StorageError } from "@edvoyage/client-sdk/testing";
import { favouriteKey, userDocumentName, type UniversityId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { YKeyValue } from "y-utility/y-keyvalue";
import { DIALECTS } from "../../support/databases/databases.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { createStudent } from "../../support/students/student.ts";
import { connectStock, until } from "../../support/network/sync-client.ts";
import { createTunnel } from "../../support/network/tunnel.ts";
import { createWorld } from "../../support/servers/world.ts";
import {
  createDevice,
  OFFLINE,
  ids,
  addAll,
  idsOf,
  savedIds,
  untilSaved,
  problemsOf,
} from "../../support/apps/document-scene.ts";

describe.each(DIALECTS)("a student's document, on %s", (dialect) => {
  test("[SY53] keeps offline edits over a restart and sends them to the server, where any Yjs client can read them", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const [kept, dropped] = ids(2);
    const first = await createDevice(world, student, OFFLINE);
    await addAll(first, [kept ?? "", dropped ?? ""]);
    await first.favourites.toggle("university", dropped ?? "");
    await first.settings.set("theme", { dark: true });

    const second = await first.restart();
    const afterStart = [idsOf(second), second.settings.all(), second.document.pending.value];
    second.connect();
    await untilSaved(second);

    expect(afterStart).toEqual([[kept], { theme: { dark: true } }, 4]);
    expect(await savedIds(student)).toEqual([kept]);
    const stock = connectStock({ url: world.url, token: student.token }, userDocumentName(student.id));
    await stock.synced();
    const favourites = new YKeyValue(stock.doc.getArray<{ key: string; val: unknown }>("favourites"));
    expect([...favourites.map.keys()]).toEqual([
      favouriteKey({ kind: "university", id: kept as UniversityId }),
    ]);
    expect(problemsOf(second)).toEqual([]);
  });

  test("[SY34] merges the edits of two devices that were offline", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const [local, remote] = [ids(5), ids(5)];
    const one = await createDevice(world, student, OFFLINE);
    const other = await createDevice(world, student, OFFLINE);
    await addAll(one, local);
    await addAll(other, remote);
    await one.settings.set("sort", "name");

    one.connect();
    other.connect();
    await until(() => idsOf(one).length === 10 && idsOf(other).length === 10);
    await until(() => other.settings.get("sort") === "name");
    await one.favourites.remove("university", remote[0] ?? "");
    await until(() => !other.favourites.has("university", remote[0] ?? ""));

    expect(idsOf(one)).toEqual([...local, ...remote.slice(1)].sort());
    const restarted = await other.restart({ isOnline: false });
    expect(idsOf(restarted)).toEqual(idsOf(one));
  });

  test("[SY53] has on the server's disk every edit that is no longer pending", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const device = await createDevice(world, student);
    const universities = ids(20);

    await addAll(device, universities);
    await untilSaved(device);
    const restarted = await world.restart();

    expect(await savedIds({ rpc: restarted.rpc({ token: student.token }) })).toEqual(
      [...universities].sort(),
    );
  });
});

test("[SY53] edits stay pending until the server confirms them, even over a restart of the app", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student);
  await addAll(device, ids(1));
  await untilSaved(device);

  tunnel.freeze();
  await addAll(device, ids(2));
  await roundTrips();
  const pending = device.document.pending.value;
  const restarted = await device.restart({ isOnline: false });
  const pendingAfterStart = restarted.document.pending.value;
  restarted.connect();
  await untilSaved(restarted);

  expect([pending, pendingAfterStart]).toEqual([2, 2]);
  expect(await savedIds(student)).toHaveLength(3);
});

test("[SY32] an edit between connecting and the handshake is not lost", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student, OFFLINE);
  const universities = ids(3);
  await addAll(device, universities.slice(0, 2));

  tunnel.holdAnswers();
  device.connect();
  await until(() => tunnel.attempts === 1);
  await roundTrips();
  await addAll(device, universities.slice(2));
  await roundTrips();
  tunnel.release();
  await untilSaved(device);

  expect(await savedIds(student)).toEqual([...universities].sort());
  expect(problemsOf(device)).toEqual([]);
});

test("an edit that changes nothing leaves no trace, and quick toggles apply one after the other", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student, OFFLINE);
  const [id = ""] = ids(1);
  await device.favourites.add("university", id);

  await device.favourites.add("university", id);
  await device.settings.set("none", undefined);
  const pending = device.document.pending.value;
  const toggles = await Promise.all([1, 2, 3].map(() => device.favourites.toggle("university", id)));

  expect(pending).toBe(1);
  expect(toggles.map(({ isFavourite }) => isFavourite)).toEqual([false, true, false]);
});

test("[SY53] an edit on a full disk changes nothing, neither on the device nor on the server", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  let isFull = false;
  const device = await createDevice(world, student, {
    write: (write) => async (changes) => {
      if (isFull) throw new StorageError("full", "There is no room");
      return write(changes);
    },
  });
  const [before = "", lost = "", after = ""] = ids(3);
  await addAll(device, [before]);
  await untilSaved(device);

  isFull = true;
  const failure = device.favourites.add("university", lost);
  await expect(failure).rejects.toMatchObject({ reason: "device/full" });
  await roundTrips();
  const pending = device.document.pending.value;
  isFull = false;
  await addAll(device, [after]);
  await untilSaved(device);

  expect(pending).toBe(0);
  expect(idsOf(device)).toEqual([before, after].sort());
  expect(await savedIds(student)).toEqual([before, after].sort());
});

test("an edit whose write failed with an unknown result leaves all copies equal", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  let isAmbiguous = false;
  const device = await createDevice(world, student, {
    write: (write) => async (changes) => {
      await write(changes);
      if (isAmbiguous) throw new StorageError("failed", "The device said nothing");
    },
  });
  const [before = "", uncertain = "", after = ""] = ids(3);
  await addAll(device, [before]);

  isAmbiguous = true;
  await device.favourites.add("university", uncertain).catch(() => {});
  isAmbiguous = false;
  await addAll(device, [after]);
  await until(async () => (await savedIds(student)).length === 2);
  const restarted = await device.restart();
  await untilSaved(restarted);

  const everything = [before, uncertain, after].sort();
  expect(idsOf(restarted)).toEqual(everything);
  expect(await savedIds(student)).toEqual(everything);
});

test("many edits are folded into few records", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const universities = ids(130);
  const device = await createDevice(world, student, OFFLINE);

  await addAll(device, universities);
  const records = (await device.keys("document/")).length;
  const restarted = await device.restart();

  expect(records).toBeLessThan(60);
  expect(idsOf(restarted)).toEqual([...universities].sort());
});

test("a student whose session was ended keeps their edits, and the next session saves them", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student);
  await addAll(device, ids(1));
  await untilSaved(device);

  await student.rpc.sessions.logout.mutate();
  await until(() => device.noSessions === 1);
  await addAll(device, ids(2));
  device.clock.advance({ minutes: 5 });
  await roundTrips();
  const pending = device.document.pending.value;
  const { token, rpc } = await world.device({ phone: student.phone }).signIn();
  device.connect(token);
  await untilSaved(device);

  expect(pending).toBe(2);
  expect(await savedIds({ rpc })).toHaveLength(3);
});

test("a phone that wakes up on a dead connection saves the edits made on it", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student);
  await addAll(device, ids(1));
  await untilSaved(device);
  tunnel.freeze();
  await addAll(device, ids(1));

  device.sockets.wake();
  await roundTrips();
  device.clock.advance({ seconds: 5 });
  await untilSaved(device);

  expect(await savedIds(student)).toHaveLength(2);
});

describe("two tabs", () => {
  test("show each other's edits, and save each once", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const one = await createDevice(world, student, { ...OFFLINE, isTab: true });
    const other = await createDevice(world, student, {
      ...OFFLINE,
      isTab: true,
      storage: one.storage.connect(),
    });
    const universities = ids(4);

    await Promise.all([addAll(one, universities.slice(0, 2)), addAll(other, universities.slice(2))]);
    await until(() => idsOf(one).length === 4 && idsOf(other).length === 4);
    await until(() => one.document.pending.value === 4 && other.document.pending.value === 4);
    one.connect();
    await untilSaved(one);
    await untilSaved(other);

    expect(idsOf(other)).toEqual([...universities].sort());
    expect(await savedIds(student)).toEqual([...universities].sort());
    expect(await one.keys("edit/")).toEqual([]);
  });

  test("fold their records without losing each other's edits", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const one = await createDevice(world, student, { ...OFFLINE, isTab: true });
    const other = await createDevice(world, student, {
      ...OFFLINE,
      isTab: true,
      storage: one.storage.connect(),
    });
    const universities = ids(160);

    await Promise.all([addAll(one, universities.slice(0, 80)), addAll(other, universities.slice(80))]);
    await Promise.all([one.stop(), other.stop()]);
    const restarted = await one.restart({ isTab: false });

    expect(idsOf(restarted)).toEqual([...universities].sort());
  });
});

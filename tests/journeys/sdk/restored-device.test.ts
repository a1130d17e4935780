import { createMemoryStorage, type MemoryStorage } from "@edvoyage/client-sdk";
import { putJson } from "@edvoyage/client-sdk/testing";
import { expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { createKeychain } from "../../support/fakes/keychain.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";

/** Copies everything that is stored, as a backup of a phone does. */
const copyOf = async (storage: MemoryStorage): Promise<MemoryStorage> => {
  const copy = createMemoryStorage();
  for (const name of await storage.list()) {
    const [from, to] = [await storage.open(name), await copy.open(name)];
    await to.write(await from.list(""));
    await Promise.all([from.close(), to.close()]);
  }
  return copy;
};

/** Stores the id of the device with the data, as earlier versions did. */
const storeIdWithData = async (
  storage: MemoryStorage,
  keychain: ReturnType<typeof createKeychain>,
): Promise<void> => {
  const id = (await keychain.get("edvoyage.device")) ?? expect.fail("there is no id");
  await keychain.delete("edvoyage.device");
  const store = await storage.open("device");
  await store.write([putJson("device", id)]);
  await store.close();
};

/** A phone whose data was restored onto a second one. The keychain of the first one does not travel. */
const createScene = async ({ isEarlierVersion }: { readonly isEarlierVersion: boolean }) => {
  const world = await createWorld();
  const keychain = createKeychain();
  const app = await createApp(world, { secureStorage: keychain });
  const phone = await app.signIn();
  await app.client.settings.set("theme", "dark");
  await app.client.sync.flush();
  await app.client.close();
  if (isEarlierVersion) await storeIdWithData(app.storage, keychain);
  const storage = await copyOf(app.storage);
  const onProblem = (): void => {};
  const first = await app.restart({ onProblem });
  const second = await createApp(world, { storage, secureStorage: createKeychain(), onProblem });
  return { world, phone, first, second };
};

const isSignedIn = async ({ client }: App): Promise<boolean> => {
  await client.sessions.list({}, { refresh: true }).catch(() => {});
  return client.auth.state === "signedIn";
};

test.each([
  ["this version", { isEarlierVersion: false }],
  ["an earlier version, which stored the device's id with the data,", { isEarlierVersion: true }],
])(
  "a second device with restored data of %s signs in as a new device, and the first one stays signed in",
  async (_version, { isEarlierVersion }) => {
    const { world, phone, first, second } = await createScene({ isEarlierVersion });

    expect(second.client.auth.status).toMatchObject({ state: "expired", student: { phone } });
    expect(await isSignedIn(first)).toBe(true);
    await second.signIn(phone);

    expect(await isSignedIn(first)).toBe(true);
    expect(await isSignedIn(second)).toBe(true);
    await until(() => second.client.settings.get("theme") === "dark");
    const { items } = await world.admin.admin.sessions.list.query({ phone });
    expect(items.map(({ state }) => state)).toEqual(["live", "live"]);
    // The first device is the same one as before: its next sign-in replaces its own session.
    world.clock.advance({ minutes: 5 });
    await first.signIn(phone);
    expect(await isSignedIn(second)).toBe(true);
    expect(await first.client.sessions.list({}, { refresh: true })).toMatchObject({ items: [{}, {}] });
  },
);

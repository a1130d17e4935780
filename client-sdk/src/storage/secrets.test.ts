import { expect, test } from "vitest";
import { createExpoSecureStorage, type ExpoSecureStoreOptions } from "./secrets.ts";

const createKeychain = () => {
  const items = new Map<string, string>();
  const receivedOptions: (ExpoSecureStoreOptions | undefined)[] = [];
  return {
    items,
    receivedOptions,
    getItemAsync: async (key: string, options?: ExpoSecureStoreOptions) => {
      receivedOptions.push(options);
      return items.get(key) ?? null;
    },
    setItemAsync: async (key: string, value: string, options?: ExpoSecureStoreOptions) => {
      receivedOptions.push(options);
      items.set(key, value);
    },
    deleteItemAsync: async (key: string, options?: ExpoSecureStoreOptions) => {
      receivedOptions.push(options);
      items.delete(key);
    },
  };
};

test("keeps a secret until it is deleted", async () => {
  const storage = createExpoSecureStorage(createKeychain());

  await storage.set("session.key-1", "secret");
  expect(await storage.get("session.key-1")).toBe("secret");
  await storage.delete("session.key-1");
  await storage.delete("session.key-1");
  expect(await storage.get("session.key-1")).toBeUndefined();
});

test("keeps secrets on the device and readable while it is locked, where the platform offers that", async () => {
  const ios = { ...createKeychain(), AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 7 };
  const android = createKeychain();

  for (const keychain of [ios, android]) {
    const storage = createExpoSecureStorage(keychain);
    await storage.set("a", "1");
    await storage.get("a");
    await storage.delete("a");
  }

  expect(ios.receivedOptions).toEqual(Array.from({ length: 3 }, () => ({ keychainAccessible: 7 })));
  expect(android.receivedOptions).toEqual([{}, {}, {}]);
});

test.each(["", "a b", "a/b", "é"])("rejects %j as the name of a secret", async (name) => {
  const keychain = createKeychain();
  const storage = createExpoSecureStorage(keychain);

  await expect(storage.set(name, "1")).rejects.toThrow(TypeError);
  await expect(storage.get(name)).rejects.toThrow(TypeError);
  await expect(storage.delete(name)).rejects.toThrow(TypeError);
  expect(keychain.receivedOptions).toEqual([]);
});

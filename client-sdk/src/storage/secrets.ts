/** The device's keychain, for the keys of sessions. */
export interface SecureStorage {
  /** Returns a secret; `undefined` if there is none. */
  get(name: string): Promise<string | undefined>;
  /** Stores a secret and replaces the one of that name. */
  set(name: string, value: string): Promise<void>;
  /** Deletes a secret. Does nothing if there is none. */
  delete(name: string): Promise<void>;
}

/** The part of `expo-secure-store` that is used: `import * as SecureStore from "expo-secure-store"`. */
export interface ExpoSecureStore {
  /** Only present on iOS. */
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY?: number;
  /** Reads a value. */
  getItemAsync(key: string, options?: ExpoSecureStoreOptions): Promise<string | null>;
  /** Writes a value. */
  setItemAsync(key: string, value: string, options?: ExpoSecureStoreOptions): Promise<void>;
  /** Deletes a value. */
  deleteItemAsync(key: string, options?: ExpoSecureStoreOptions): Promise<void>;
}

/** The options of `expo-secure-store` that are used. */
export interface ExpoSecureStoreOptions {
  readonly keychainAccessible?: number;
}

/** The names that Expo accepts; it throws on any other. */
const NAME = /^[A-Za-z0-9._-]+$/;

/**
 * Keeps secrets in the keychain of a phone. They can be read while the phone is locked, so that the app can send in
 * the background, but not before the first unlock after a restart. They are in no backup and never move to another
 * device. Names consist of `A-Z a-z 0-9 . _ -`; any other name throws `TypeError`.
 */
export const createExpoSecureStorage = (SecureStore: ExpoSecureStore): SecureStorage => {
  const accessible = SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY;
  const options = accessible === undefined ? {} : { keychainAccessible: accessible };

  return {
    get: async (name) => (await SecureStore.getItemAsync(parseName(name), options)) ?? undefined,
    set: async (name, value) => SecureStore.setItemAsync(parseName(name), value, options),
    delete: async (name) => SecureStore.deleteItemAsync(parseName(name), options),
  };
};

const parseName = (name: string): string => {
  if (NAME.test(name)) return name;
  throw new TypeError("The name of a secret may contain only A-Z, a-z, 0-9, dots, hyphens and underscores");
};

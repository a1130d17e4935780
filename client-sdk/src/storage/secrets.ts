/** Where a device keeps what opens a session: a keychain. */
export interface SecureStorage {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  /** None of that name is no error. */
  delete(name: string): Promise<void>;
}

/** What is used of `expo-secure-store`: `import * as SecureStore from "expo-secure-store"`. */
export interface ExpoSecureStore {
  /** Offered by the module on iOS. */
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY?: number;
  getItemAsync(key: string, options?: ExpoSecureStoreOptions): Promise<string | null>;
  setItemAsync(key: string, value: string, options?: ExpoSecureStoreOptions): Promise<void>;
  deleteItemAsync(key: string, options?: ExpoSecureStoreOptions): Promise<void>;
}

export interface ExpoSecureStoreOptions {
  readonly keychainAccessible?: number;
}

/** What Expo takes; it throws on anything else. */
const NAME = /^[A-Za-z0-9._-]+$/;

/**
 * Keeps secrets in the keychain of a phone. They can be read when the phone is locked, so that the app can send in the
 * background, but not before it was unlocked once since it started; they are in no backup and go to no other device.
 * Names are of `A-Z a-z 0-9 . _ -`: anything else throws `TypeError`.
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
  throw new TypeError("The name of a secret is made of A-Z, a-z, 0-9, dots, lines and underscores");
};

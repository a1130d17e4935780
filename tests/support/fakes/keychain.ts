import type { SecureStorage } from "@edvoyage/client-sdk";

/** A keychain that can be locked, as a phone's keychain is until the first unlock. */
export interface Keychain extends SecureStorage {
  lock(): void;
  unlock(): void;
  /** Returns the names of the stored secrets. */
  names(): readonly string[];
}

export const createKeychain = (): Keychain => {
  const secrets = new Map<string, string>();
  let isLocked = false;
  const opened = (): Map<string, string> => {
    if (isLocked) throw new Error("User interaction is not allowed");
    return secrets;
  };
  return {
    get: async (name) => opened().get(name),
    set: async (name, value) => void opened().set(name, value),
    delete: async (name) => void opened().delete(name),
    lock: () => {
      isLocked = true;
    },
    unlock: () => {
      isLocked = false;
    },
    names: () => [...secrets.keys()],
  };
};

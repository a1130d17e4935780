import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExpoSecureStore } from "@edvoyage/client-sdk/react-native";
import { asNativeCall, phone } from "./phone.ts";

// A fake of `expo-secure-store` that follows its sources of version 15 (src/SecureStore.ts): it accepts only strings,
// under names with some characters, and its values outlive the app. This constant exists on iOS.
export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 3;

const keychain = join(phone.folder, "keychain.json");
const read = (): Record<string, string> =>
  existsSync(keychain) ? JSON.parse(readFileSync(keychain, "utf8")) : {};
const write = (items: Record<string, string>): void => writeFileSync(keychain, JSON.stringify(items));

const ensureKey = (key: string): void => {
  if (!/^[\w.-]+$/.test(key)) {
    throw new Error(
      'Invalid key provided to SecureStore. Keys must not be empty and contain only alphanumeric characters, ".", "-", and "_".',
    );
  }
};

export const getItemAsync: ExpoSecureStore["getItemAsync"] = async (key) => {
  ensureKey(key);
  return asNativeCall(() => read()[key] ?? null);
};

export const setItemAsync: ExpoSecureStore["setItemAsync"] = async (key, value) => {
  ensureKey(key);
  if (typeof value !== "string") {
    throw new Error("Invalid value provided to SecureStore. Values must be strings.");
  }
  await asNativeCall(() => write({ ...read(), [key]: value }));
};

export const deleteItemAsync: ExpoSecureStore["deleteItemAsync"] = async (key) => {
  ensureKey(key);
  await asNativeCall(() => {
    const { [key]: _, ...others } = read();
    write(others);
  });
};

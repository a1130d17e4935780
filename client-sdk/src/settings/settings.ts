import { derive, watchFrom, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import type { Json } from "../sync/json.ts";
import type { UserDocument } from "../sync/user-document.ts";

/** By key. */
export type SettingValues = Readonly<Record<string, Json>>;

/**
 * What an app remembers of a student, the same on all of her devices: of two that set a key, the later to be merged
 * counts. Keys have up to 128 characters, values 2 KiB, all of a student's together with her favourites 1 MiB.
 */
export interface Settings {
  get(key: string): Json | undefined;
  /**
   * Resolves when it is on this device's disk; `undefined` and `null` remove it.
   * Throws `input/invalid`, `limit/reached`, `device/full`, `device/failed`.
   */
  set(key: string, value: Json | undefined): Promise<void>;
  /** The same object while nothing changes. */
  all(): SettingValues;
  /** Calls with all settings at once and after each change, from whatever device. */
  watch(listener: (settings: SettingValues) => void): Unsubscribe;
}

/** Settings with what a hook needs. */
export interface SettingsService extends Settings {
  readonly changed: Observable<SettingValues>;
}

/** Settings are kept in the student's document. */
export const createSettings = (document: Pick<UserDocument, "entries" | "edit">): SettingsService => {
  const entries = document.entries.settings;
  const changed = derive([entries], () => Object.fromEntries(entries.value) as SettingValues);
  return {
    changed,
    // Not out of the object: it has a `toString` that nobody has set.
    get: (key) => entries.value.get(key) as Json | undefined,
    set: async (key, value) => {
      await document.edit("settings", key, () => value);
    },
    all: () => changed.value,
    watch: (listener) => watchFrom(changed, listener),
  };
};

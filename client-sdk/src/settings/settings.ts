import { derive, watchFrom, type Unsubscribe } from "../runtime/observable.ts";
import type { Current } from "../students/current-student.ts";
import type { Json } from "../sync/json.ts";
import type { Write } from "../outbox/write.ts";
import type { UserDocument } from "../sync/user-document.ts";

/** Values by key. */
export type SettingValues = Readonly<Record<string, Json>>;

/**
 * Settings that an app stores for a student, the same on all of the student's devices. If two devices set the same key, the
 * change that is merged later wins. Keys have up to 128 characters, values up to 2 KiB; a student's settings and favourites
 * together have up to 1 MiB.
 */
export interface Settings {
  /** Returns a value from memory; `undefined` if the key is not set. */
  get(key: string): Json | undefined;
  /**
   * Resolves when the change is stored on this device; `undefined` and `null` remove the key.
   * Throws `input/invalid`, `limit/reached`, `device/full`, `device/failed`.
   */
  set(key: string, value: Json | undefined): Promise<Write<null>>;
  /** Returns all settings; the same object while nothing changes. */
  all(): SettingValues;
  /** Calls the listener with all settings immediately and after each change, from any device. */
  watch(listener: (settings: SettingValues) => void): Unsubscribe;
}

/** Creates the settings of the current student. They are stored in the student's document. */
export const createSettings = (
  student: Current<{ readonly document: Pick<UserDocument, "entries" | "edit"> }>,
): Settings => {
  const entries = student.follow(({ document }) => document.entries.settings, NO_ENTRIES);
  const all = derive([entries], () => Object.fromEntries(entries.value) as SettingValues);
  return {
    // Read from the map, not the object: the object inherits keys such as `toString`.
    get: (key) => entries.value.get(key) as Json | undefined,
    set: async (key, value) => {
      const { id, settled } = await student.require().document.edit("settings", key, () => value);
      return { id, settled };
    },
    all: () => all.value,
    watch: (listener) => watchFrom(all, listener),
  };
};

const NO_ENTRIES: ReadonlyMap<string, unknown> = new Map();

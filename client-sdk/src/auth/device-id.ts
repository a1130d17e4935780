import { EdVoyageError } from "../runtime/errors.ts";
import { bytesToHex, type RandomBytes } from "../runtime/ids.ts";
import { createCrossTabLock, createSerialQueue } from "../runtime/serial-queue.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import type { SecureStorage } from "../storage/secrets.ts";
import type { Peers } from "../storage/storage.ts";

/** The sources of an installation's id. */
export interface DeviceIdDeps {
  readonly records: Records;
  readonly secureStorage: SecureStorage | undefined;
  readonly randomBytes: RandomBytes;
  /** Set for the tabs of a browser: two that start at once must not create two ids. */
  readonly peers?: Peers | undefined;
  /** Returns the name in the keychain of the key of whoever is signed in; `undefined` without a student. */
  readonly keyName: () => Promise<string | undefined>;
}

/** The key of the record that holds the id, on a device without a keychain and in earlier versions. */
export const DEVICE_ID_RECORD = "device";
const SECRET = "edvoyage.device";

/**
 * Returns a function that reads the id of this installation, and creates it the first time: 128 random bits. The id lives
 * where the session's key lives. A keychain never moves to another device, so a folder that is restored there gets an id of
 * its own; with the same id, each sign-in would end the session of the other device.
 *
 * The function throws `device/failed` if the keychain cannot be read or written, such as while it is locked. It never creates an
 * id because of a read that failed.
 */
export const createDeviceId = (deps: DeviceIdDeps): (() => Promise<string>) => {
  const { records, secureStorage, randomBytes } = deps;
  const runSerially = createSerialQueue();
  let known: string | undefined;
  const create = (): string => bytesToHex(randomBytes(16));

  const lock = createCrossTabLock(deps.peers, DEVICE_ID_RECORD);
  const read = () => records.getJson<string>(DEVICE_ID_RECORD);
  const createInRecords = async (): Promise<string> => {
    const stored = await read();
    if (stored !== undefined) return stored;
    const created = create();
    await records.write([putJson(DEVICE_ID_RECORD, created)]);
    return created;
  };
  const fromRecords = async (): Promise<string> => (await read()) ?? lock(createInRecords);
  const fromKeychain = async (keychain: SecureStorage): Promise<string> => {
    const stored = await inKeychain(() => keychain.get(SECRET));
    // Earlier versions stored the id with the data.
    const earlier = await read();
    const id = stored ?? (earlier !== undefined && (await isOwn(keychain)) ? earlier : create());
    if (stored === undefined) await inKeychain(() => keychain.set(SECRET, id));
    if (earlier !== undefined) await records.write([remove(DEVICE_ID_RECORD)]);
    return id;
  };
  /** Returns whether the data is this device's own: the session's key is in its keychain. */
  const isOwn = async (keychain: SecureStorage): Promise<boolean> => {
    const name = await deps.keyName();
    return name !== undefined && (await inKeychain(() => keychain.get(name))) !== undefined;
  };
  return () =>
    runSerially(async () => (known ??= await (secureStorage ? fromKeychain(secureStorage) : fromRecords())));
};

const inKeychain = async <T>(task: () => Promise<T>): Promise<T> => {
  try {
    return await task();
  } catch (cause) {
    throw new EdVoyageError("device/failed", "The keychain cannot be used now: is the device locked?", {
      cause,
    });
  }
};

import { v7 as uuidv7 } from "uuid";
import { createDocumentDevice, type DocumentDevice, type DocumentDeviceOptions } from "./document-device.ts";
import type { Student } from "../students/student.ts";
import { until, untilWithin } from "../network/sync-client.ts";

/** Creates a device of a student. */
export const createDevice = (
  { url }: { readonly url: string },
  { id, token }: Student,
  options: Partial<DocumentDeviceOptions> = {},
): Promise<DocumentDevice> => createDocumentDevice({ url, userId: id, token, ...options });

/** The options of a device without a network. */
export const OFFLINE = { isOnline: false };

/** Makes ids of universities. */
export const ids = (count: number): string[] => Array.from({ length: count }, () => uuidv7());

/** Adds universities to the favourites of a device. */
export const addAll = async (
  { favourites }: DocumentDevice,
  universities: readonly string[],
): Promise<void> => {
  for (const id of universities) await favourites.add("university", id);
};

/** Returns the universities among the favourites that a device shows, in order. */
export const idsOf = ({ favourites }: DocumentDevice): string[] =>
  favourites
    .list()
    .map(({ id }) => id)
    .sort();

/** Returns the favourites in the server's table. */
export const savedIds = async ({ rpc }: Pick<Student, "rpc">): Promise<string[]> => {
  const { items } = await rpc.favourites.list.query({ limit: 100 });
  return items.map(({ id }) => id).sort();
};

/** Waits until no edit of a device is pending. */
export const untilSaved = ({ document }: DocumentDevice): Promise<void> =>
  until(() => document.pending.value === 0);

/** Advances a device's clock by a minute at most, which is the longest wait between two attempts, until a condition holds. */
export const untilWithTimers = (
  device: DocumentDevice,
  condition: () => boolean | Promise<boolean>,
): Promise<void> =>
  untilWithin({ clock: device.clock, within: { minutes: 1 }, step: { seconds: 1 } }, condition);

/** Returns the kinds of the problems that a device reported. */
export const problemsOf = ({ problems }: DocumentDevice): string[] => problems.map(({ kind }) => kind);

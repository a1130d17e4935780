import { crc32 } from "../storage/crc32.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import { areaOf } from "../rpc/queued-inputs.ts";
import type { AnyPage } from "./projection.ts";
import type { Query } from "./query.ts";

/** The stored form of an answer. */
export interface StoredAnswer {
  /** Tells apart inputs that share a key, which is rare. */
  readonly input: unknown;
  readonly value: object;
  readonly fetchedAt: number;
  /** When its area had last changed. */
  readonly changedAt?: number | undefined;
}

/** The device's records of earlier answers, by the key of their query. */
export interface StoredAnswers {
  /** Returns the answer to a query; `undefined` if the device has none. */
  get(query: Query): Promise<StoredAnswer | undefined>;
  /** Looks for a single item in the device's lists, for items that were never read on their own. */
  findListed(query: Query): Promise<StoredAnswer | undefined>;
  /** Stores an answer. Deletes the oldest ones when there are too many. */
  put(key: string, answer: StoredAnswer): Promise<void>;
  /** Stores another value of an answer that the device has. */
  replace(key: string, answer: StoredAnswer): Promise<void>;
  remove(key: string): Promise<void>;
  /** Returns all answers of one area of the student's data. */
  ofArea(
    area: string,
  ): Promise<readonly { readonly key: string; readonly procedure: string; readonly answer: StoredAnswer }[]>;
}

const PREFIX = "cache/";
/** Above this number of records, the oldest are deleted. */
const MAX_RECORDS = 600;
const KEPT_RECORDS = 400;
const MAX_READABLE_KEY = 200;

/** Creates the answers of one store. */
export const createStoredAnswers = (records: Records): StoredAnswers => {
  let recordCount: number | undefined;

  const ofArea: StoredAnswers["ofArea"] = async (area) =>
    (await records.listJson<StoredAnswer>(`${PREFIX}${area}.`)).map(({ key, value }) => ({
      key,
      procedure: key.slice(PREFIX.length, key.indexOf("/", PREFIX.length)),
      answer: value,
    }));

  return {
    get: async (query) => {
      const stored = await records.getJson<StoredAnswer>(keyOf(query));
      return stored && isSame(stored.input, query.input) ? stored : undefined;
    },

    findListed: async ({ procedure, input }) => {
      if (!procedure.includes(".get") || typeof input !== "object") return undefined;
      const [id] = Object.values(input);
      for (const { answer } of await ofArea(areaOf(procedure))) {
        const { items = [] } = answer.value as Partial<AnyPage>;
        const value = items.find((item) => item.id === id);
        if (value) return { ...answer, input, value };
      }
      return undefined;
    },

    put: async (key, answer) => {
      await records.write([putJson(key, answer)]);
      recordCount = (recordCount ?? (await records.keys(PREFIX)).length) + 1;
      if (recordCount <= MAX_RECORDS) return;
      const all = await records.listJson<StoredAnswer>(PREFIX);
      const oldestFirst = [...all].sort((one, other) => one.value.fetchedAt - other.value.fetchedAt);
      await records.write(oldestFirst.slice(0, -KEPT_RECORDS).map((old) => remove(old.key)));
      recordCount = Math.min(all.length, KEPT_RECORDS);
    },

    replace: (key, answer) => records.write([putJson(key, answer)]),
    remove: (key) => records.write([remove(key)]),
    ofArea,
  };
};

/** Compares the inputs of two queries, or other plain JSON. */
export const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Returns a readable key if the input is short. If two inputs share a checksum, the stored input tells them apart. */
export const keyOf = ({ procedure, input }: Query): string => {
  const text = JSON.stringify(input) ?? "";
  const readableInput =
    text.length <= MAX_READABLE_KEY
      ? text
      : `${text.slice(0, MAX_READABLE_KEY)}#${crc32(new TextEncoder().encode(text))}`;
  return `${PREFIX}${procedure}/${readableInput}`;
};

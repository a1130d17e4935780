import { randomUUID } from "node:crypto";
import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { TestDialect } from "../databases/databases.ts";
import { createWorld, type World } from "./world.ts";

const BATCH_ENTRIES = 200;

/** Creates a world with the sample catalogue. */
export const createSeededWorld = async (dialect: TestDialect): Promise<World> => {
  const world = await createWorld({ dialect });
  await world.server.seedIfEmpty();
  return world;
};

/** A university of a list. */
export type University = Awaited<ReturnType<RpcClient["universities"]["list"]["query"]>>["items"][number];

/** A course of a list. */
export type Course = Awaited<ReturnType<RpcClient["courses"]["list"]["query"]>>["items"][number];

type UniversityFilter = Parameters<RpcClient["universities"]["list"]["query"]>[0];

type CourseFilter = Parameters<RpcClient["courses"]["list"]["query"]>[0];

/** Reads a list to its end, page by page. */
export const pagesOf = async <Item>(
  readPage: (
    cursor: string | null,
  ) => Promise<{ readonly items: readonly Item[]; readonly nextCursor: string | null }>,
): Promise<(readonly Item[])[]> => {
  const pages: (readonly Item[])[] = [];
  let cursor: string | null = null;
  do {
    const page: { readonly items: readonly Item[]; readonly nextCursor: string | null } =
      await readPage(cursor);
    pages.push(page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return pages;
};

/** Returns every university of a list. */
export const allUniversities = async (
  client: RpcClient,
  filter: UniversityFilter = {},
): Promise<University[]> =>
  (await pagesOf((cursor) => client.universities.list.query({ ...filter, cursor, limit: 100 }))).flat();

/** Returns every course of a list. */
export const allCourses = async (client: RpcClient, filter: CourseFilter = {}): Promise<Course[]> =>
  (await pagesOf((cursor) => client.courses.list.query({ ...filter, cursor, limit: 100 }))).flat();

/** Returns the names of the universities that a search finds. */
export const namesFound = async (client: RpcClient, query: string, country?: string): Promise<string[]> =>
  (await allUniversities(client, { query, ...(country ? { country } : {}) })).map(({ name }) => name);

/** Imports entries in batches, as the terminal program does, and adds up their reports. */
export const importEntries = async ({ admin }: World, entries: readonly unknown[]) => {
  const importId = randomUUID();
  const total = {
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: [] as { index: number; name: string | null; reason: string }[],
  };
  for (let offset = 0; offset < entries.length; offset += BATCH_ENTRIES) {
    const batch = { importId, offset, entries: entries.slice(offset, offset + BATCH_ENTRIES) };
    const report = await admin.admin.catalogue.import.mutate(batch);
    total.created += report.created;
    total.updated += report.updated;
    total.unchanged += report.unchanged;
    total.skipped.push(...report.skipped);
  }
  return total;
};

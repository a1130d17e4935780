import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openDatabase, type Database } from "@edvoyage/db";
import { DocumentRefusal, systemClock } from "@edvoyage/server/app";
import type { UserId } from "@edvoyage/protocol";
import * as Y from "yjs";
import {
  contentOf,
  createDocumentsNode,
  createStudent,
  documentOnDisk,
  favouritesTableOf,
  type DocumentsNode,
} from "../support/servers/documents-node.ts";
import { honestUpdates, killers, mutantsOf, type HonestUpdate, type HostileFrame } from "./hostile-corpus.ts";

/** The results for all frames. */
export interface HostileFigures {
  readonly frames: number;
  /** How many frames had each outcome: `stored`, `unchanged`, `gap`, or the close code. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly framesPerSecond: number;
  /** How many frames took longer than `SLOW_MS`, including commits to disk. `slowest` has the ten slowest. */
  readonly slow: number;
  readonly slowest: readonly { readonly ms: number; readonly name: string }[];
  /** The largest growth of the process between two measurements, and the frame before the later one. */
  readonly largestJump: { readonly mib: number; readonly name: string };
  readonly rssMiB: { readonly atStart: number; readonly atEnd: number };
  /** How often memory, disk and table were compared with each other. */
  readonly comparisons: number;
}

const DEFAULT_FRAMES = 10_000_000;
const SLOW_MS = 50;
/**
 * A document is replaced after it has stored this many frames: later frames with the same clocks would change nothing.
 */
const MAX_STORED = 1;
const REPORT_EVERY = 2_000;
const LOOK_EVERY = 250;
const MIB = 1024 * 1024;
const POOL_SIZE = 200;
const NOTHING = Uint8Array.of(0, 0);

/**
 * Feeds a document all killer frames, all one-byte mutants and truncations of valid updates, and then random damage
 * until `frames` were fed. Throws if memory, disk and table differ. Prints a line at intervals: a watchdog that sees no
 * line knows that a frame hangs.
 */
export const soakHostileUpdates = async (frames = DEFAULT_FRAMES): Promise<HostileFigures> => {
  const folder = await mkdtemp(join(tmpdir(), "edvoyage-soak-"));
  const database = await openDatabase(`sqlite:${join(folder, "edvoyage.sqlite")}`);
  try {
    return await feed(database, frames);
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
};

const feed = async (database: Database, frames: number): Promise<HostileFigures> => {
  const node = createDocumentsNode(database, { clock: systemClock });
  const killerFrames = killers();
  const corpus = honestUpdates();
  const meter = createMeter();
  const pool = createPool(database, node);
  let storedFrames = 0;
  let comparisons = 0;

  /** Checks the previous document and returns the next one. */
  const start = async (before: Uint8Array): Promise<UserId> => {
    const previous = pool.current();
    if (previous) {
      await node.settle();
      // Now and then also check a restarted server, which loads from rows alone. That is the slowest part.
      await assertAgreement({ database, node, userId: previous, isRestarted: comparisons % 20 === 0 });
      comparisons += 1;
    }
    storedFrames = 0;
    node.stored.length = 0;
    return pool.next(before);
  };
  const send = async (userId: UserId, { name, bytes }: HostileFrame): Promise<void> => {
    const startedAt = performance.now();
    const outcome = await node.documents.apply(userId, bytes).then(({ state }) => state, refusalToCode);
    meter.note(name, outcome, performance.now() - startedAt);
    if (outcome === "stored") storedFrames += 1;
  };

  let currentId = await start(NOTHING);
  for (const killer of killerFrames) {
    await send(currentId, killer);
    meter.measureMemory(killer.name);
  }
  for (const honest of corpus) {
    let userId = await start(honest.before);
    for (const mutant of mutantsOf(honest)) {
      if (meter.frames() >= frames) break;
      if (storedFrames >= MAX_STORED) userId = await start(honest.before);
      await send(userId, mutant);
    }
  }
  const random = createRandom(20_260_901);
  while (meter.frames() < frames) {
    const honest = corpus[random(corpus.length)];
    if (!honest) continue;
    currentId = await start(honest.before);
    for (let i = 0; i < 2_000 && storedFrames < MAX_STORED && meter.frames() < frames; i += 1) {
      await send(currentId, damage(honest, corpus, random));
    }
  }
  await start(NOTHING);
  return { ...meter.figures(), comparisons };
};

const refusalToCode = (error: unknown): string => {
  if (error instanceof DocumentRefusal) return String(error.closeCode);
  throw error;
};

/** Creates students and their documents in batches, because a batch shares a commit. */
const createPool = (database: Database, { documents }: DocumentsNode) => {
  let ready: UserId[] = [];
  let created: readonly UserId[] = [];
  let createdWith: Uint8Array | undefined;
  let current: UserId | undefined;
  return {
    current: () => current,
    next: async (before: Uint8Array): Promise<UserId> => {
      if (ready.length === 0 || createdWith !== before) {
        const previous = created;
        if (previous.length > 0) {
          await database.write((tx) => tx.kysely.deleteFrom("users").where("id", "in", previous).execute());
        }
        created = await Promise.all(Array.from({ length: POOL_SIZE }, () => createStudent(database)));
        await Promise.all(created.map((userId) => documents.apply(userId, before)));
        ready = [...created];
        createdWith = before;
      }
      current = ready.pop();
      if (!current) throw new Error("The pool is empty");
      return current;
    },
  };
};

/** Checks that the server's memory, the rows and the table agree. */
const assertAgreement = async ({
  database,
  node,
  userId,
  isRestarted,
}: {
  readonly database: Database;
  readonly node: DocumentsNode;
  readonly userId: UserId;
  readonly isRestarted: boolean;
}): Promise<void> => {
  const answerOf = async ({ documents }: DocumentsNode): Promise<Y.Doc> => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, (await documents.read(userId, Y.encodeStateVector(doc))).update);
    return doc;
  };
  const memory = await answerOf(node);
  const others = [await documentOnDisk(database, userId)];
  if (isRestarted) others.push(await answerOf(createDocumentsNode(database, { clock: systemClock })));
  for (const other of others) {
    if (!isDeepStrictEqual(snapshot(memory), snapshot(other))) {
      throw new Error(
        `Memory and disk differ:\n${JSON.stringify(snapshot(memory))}\n${JSON.stringify(snapshot(other))}`,
      );
    }
  }
  const table = await favouritesTableOf(database, userId);
  const keys = (favourites: object | undefined): string[] => Object.keys(favourites ?? {}).sort();
  if (!isDeepStrictEqual(keys(table), keys(contentOf(memory)["favourites"]))) {
    throw new Error("The table differs from the document");
  }
};

const snapshot = (doc: Y.Doc) => ({
  favourites: doc.getArray("favourites").toJSON(),
  settings: doc.getArray("settings").toJSON(),
  stateVector: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([one], [other]) => one - other),
  isWaiting: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
});

export type RandomBelow = (limit: number) => number;

/** Creates a mulberry32 generator: every run has the same damage. */
export const createRandom = (seed: number): RandomBelow => {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
};

const damage = (
  { name, update }: HonestUpdate,
  corpus: readonly HonestUpdate[],
  random: RandomBelow,
): HostileFrame => {
  if (random(8) === 0) {
    const bytes = Uint8Array.from({ length: random(64) }, () => (random(2) === 0 ? random(12) : random(256)));
    return { name: "random bytes", bytes };
  }
  let bytes = update.slice();
  for (let left = 1 + random(4); left > 0; left -= 1) {
    const place = random(bytes.length);
    const other = corpus[random(corpus.length)]?.update ?? update;
    const from = random(other.length);
    switch (random(5)) {
      case 0:
        bytes[place] = random(256);
        break;
      case 1:
        bytes[place] = (bytes[place] ?? 0) + (random(2) === 0 ? 1 : -1);
        break;
      case 2:
        bytes[place] = (bytes[place] ?? 0) ^ (1 << random(8));
        break;
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, place), random(256), ...bytes.subarray(place)]);
        break;
      default:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, place),
          ...other.subarray(from, from + random(12)),
          ...bytes.subarray(place + random(12)),
        ]);
    }
    if (bytes.length === 0) break;
  }
  return { name: `${name}, damaged`, bytes };
};

const createMeter = () => {
  const startedAt = performance.now();
  const atStart = process.memoryUsage.rss();
  const outcomes: Record<string, number> = {};
  let [frames, slow, lastSeen] = [0, 0, atStart];
  let largestJump = { mib: 0, name: "" };
  let slowest: { ms: number; name: string }[] = [];

  const measureMemory = (name: string): void => {
    const seen = process.memoryUsage.rss();
    const mib = Math.round((seen - lastSeen) / MIB);
    if (mib > largestJump.mib) largestJump = { mib, name };
    lastSeen = seen;
  };
  return {
    frames: () => frames,
    measureMemory,
    note: (name: string, outcome: string, ms: number): void => {
      frames += 1;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (ms > SLOW_MS) {
        slow += 1;
        slowest = [...slowest, { ms: Math.round(ms), name }]
          .sort((one, other) => other.ms - one.ms)
          .slice(0, 10);
      }
      if (frames % LOOK_EVERY === 0) measureMemory(name);
      if (frames % REPORT_EVERY === 0) process.stderr.write(`${frames} frames\n`);
    },
    figures: () => ({
      frames,
      outcomes,
      framesPerSecond: Math.round((frames / (performance.now() - startedAt)) * 1000),
      slow,
      slowest,
      largestJump,
      rssMiB: { atStart: Math.round(atStart / MIB), atEnd: Math.round(process.memoryUsage.rss() / MIB) },
    }),
  };
};

import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeededRandom } from "./random.ts";
import { startServer, type SimulatedServer } from "./server.ts";
import { startVirtualTime, type VirtualTime } from "./virtual-time.ts";

/** What there is on the server when a history begins. */
export interface Beginning {
  readonly students: readonly KnownStudent[];
  /** A group of all, and a room of the first two. */
  readonly rooms: readonly { readonly id: string; readonly name: string; readonly members: number }[];
  /** Makes a database of it; returns where. */
  copy(): string;
}

/** A student who has signed in once, on a device that is not in the history. */
export interface KnownStudent {
  readonly name: string;
  readonly phone: string;
  readonly id: string;
  readonly token: string;
}

/** A file system without a disk below it, where there is one: a history writes a thousand times. */
const MEMORY_FOLDER = "/dev/shm";
/** What needs no network takes so long at the most, in milliseconds. */
const AT_ONCE_MS = 10;
const NAMES = ["A", "B", "C"];
/** Whatever the history: so that what came before in this process changes nothing in it. */
const SEED = 1;

let folder: string | undefined;
let copies = 0;
const beginnings = new Map<number, Beginning>();

/** How long after its beginning a history goes on, in milliseconds. */
export const BEGUN_FOR_MS = 60_000;

/** The beginning for so many students. Made in a time of its own, the first time that it is asked for. */
export const beginWith = async (students: number): Promise<Beginning> => {
  const known = beginnings.get(students);
  if (known) return known;
  const time = startVirtualTime();
  try {
    const beginning = await make(students, time);
    beginnings.set(students, beginning);
    return beginning;
  } finally {
    time.close();
  }
};

/** Deletes what a copy has come to. */
export const dropCopy = (path: string): void => {
  for (const suffix of ["", "-wal", "-shm", ".lock"]) rmSync(`${path}${suffix}`, { force: true });
};

const make = async (count: number, time: VirtualTime): Promise<Beginning> => {
  const path = join(folderOfProcess(), `beginning-${count}.sqlite`);
  const server = await startServer({ time, random: createSeededRandom(SEED), path, onDown: () => {} });
  const students: KnownStudent[] = [];
  for (const [index, name] of NAMES.slice(0, count).entries()) {
    const phone = `+91980000000${index}`;
    const signedIn = await time.until(signIn(server, phone), { withinMs: AT_ONCE_MS });
    students.push({ name, phone, ...signedIn });
  }
  const rooms = await time.until(openRooms(server, students), { withinMs: AT_ONCE_MS });
  await server.close();
  return {
    students,
    rooms,
    copy: () => {
      const copy = join(folderOfProcess(), `history-${(copies += 1)}.sqlite`);
      copyFileSync(path, copy);
      return copy;
    },
  };
};

const signIn = async (
  server: SimulatedServer,
  phone: string,
): Promise<Pick<KnownStudent, "id" | "token">> => {
  const deviceId = `witness-of-${phone.slice(1)}`;
  const { auth } = server.rpc("");
  const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
  const code = server.codeFor(phone) ?? "";
  const { token, user } = await auth.verifyCode.mutate({ challengeId, code, deviceId });
  return { id: user.id, token };
};

const openRooms = async (
  server: SimulatedServer,
  students: readonly KnownStudent[],
): Promise<Beginning["rooms"]> => {
  const [first, second, ...others] = students;
  if (!first || !second) throw new Error("There are at least two students");
  const rpc = server.rpc(first.token);
  const memberIds = [second, ...others].map(({ id }) => id);
  // Whoever does not know the one who asks is invited, and no member yet.
  for (const { token } of [second, ...others]) {
    await server.rpc(token).contacts.add.mutate({ userId: first.id });
  }
  const group = await rpc.chat.rooms.create.mutate({ kind: "group", memberIds, name: "All" });
  for (const { token } of [second, ...others]) {
    await server.rpc(token).contacts.remove.mutate({ userId: first.id });
  }
  const direct = await rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [second.id] });
  return [
    { id: group.id, name: "the group", members: students.length },
    { id: direct.id, name: "the two", members: 2 },
  ];
};

/** Of all databases; it is gone with the process. */
const folderOfProcess = (): string => {
  if (folder === undefined) {
    const parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
    const made = mkdtempSync(join(parent, "edvoyage-simulation-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
};

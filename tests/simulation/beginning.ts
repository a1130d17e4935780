import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeededRandom } from "./random.ts";
import { startServer, type SimulatedServer } from "./server.ts";
import { startVirtualTime, type VirtualTime } from "./virtual-time.ts";

/** The state of the server when a history begins. */
export interface Beginning {
  readonly students: readonly KnownStudent[];
  /** A group of all students, and a room of the first two. */
  readonly rooms: readonly { readonly id: string; readonly name: string; readonly members: number }[];
  /** Copies the state into a new database file. Returns its path. */
  copy(): string;
}

/** A student who has signed in once, on a device that takes no part in the history. */
export interface KnownStudent {
  readonly name: string;
  readonly phone: string;
  readonly id: string;
  readonly token: string;
}

/** A file system in memory, used where it exists: a history writes a thousand times. */
const MEMORY_FOLDER = "/dev/shm";
/** The time limit for what needs no network, in milliseconds of virtual time. */
const AT_ONCE_MS = 10;
const NAMES = ["A", "B", "C"];
/** The same seed for every history, so that earlier histories in this process change nothing. */
const SEED = 1;

let folder: string | undefined;
let copies = 0;
const beginnings = new Map<number, Beginning>();

/** How long after the beginning a history starts, in milliseconds. */
export const HISTORY_STARTS_AFTER_MS = 60_000;

/** Returns the beginning for a number of students. The first call makes it, in a virtual time of its own. */
export const beginWith = async (students: number): Promise<Beginning> => {
  const existing = beginnings.get(students);
  if (existing) return existing;
  const time = startVirtualTime();
  try {
    const beginning = await make(students, time);
    beginnings.set(students, beginning);
    return beginning;
  } finally {
    time.close();
  }
};

/** Deletes the files of a database copy. */
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
  if (!first || !second) throw new Error("A history needs at least two students");
  const rpc = server.rpc(first.token);
  const memberIds = [second, ...others].map(({ id }) => id);
  // A student who does not know the creator would only be invited, and not be a member yet.
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

/** Returns the folder of all databases. It is deleted when the process exits. */
const folderOfProcess = (): string => {
  if (folder === undefined) {
    const parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
    const created = mkdtempSync(join(parent, "edvoyage-simulation-"));
    process.once("exit", () => rmSync(created, { recursive: true, force: true }));
    folder = created;
  }
  return folder;
};

// Records the changes that a process makes to the files of one folder: `node --import file-recorder.js`, with a
// `RecorderOptions` as JSON in EDVOYAGE_FILE_RECORDER. It does not change what the process does; power-cut.ts reads the
// recording.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { createHash } from "node:crypto";

/** Options of the recorder. */
export interface RecorderOptions {
  /** The folder whose files are watched. It must exist. */
  readonly root: string;
  /** A file outside of `root` that gets each step as one line of JSON. */
  readonly trace: string;
  /** A folder outside of `root` that stores the contents of files. */
  readonly contents: string;
  /** A regular expression for paths to ignore, such as files that SQLite writes and syncs by itself. */
  readonly ignored: string;
}

/** One change that a process made, or one sync that succeeded. Paths are relative to the root, which is `""`. */
export type FileStep =
  | { readonly kind: "folder"; readonly path: string }
  /** A file got a name: its first one or another one. */
  | { readonly kind: "name"; readonly path: string; readonly file: string }
  | { readonly kind: "rename"; readonly from: string; readonly path: string; readonly file: string }
  | { readonly kind: "remove"; readonly path: string }
  /** A file has new content, which is stored under the name `content`. */
  | { readonly kind: "content"; readonly file: string; readonly content: string }
  | { readonly kind: "sync-file"; readonly file: string }
  | { readonly kind: "sync-folder"; readonly path: string };

const SYNC_CALLS =
  "appendFileSync copyFileSync ftruncateSync linkSync mkdirSync openSync renameSync rmSync rmdirSync symlinkSync truncateSync unlinkSync writeFileSync writeSync";
const ASYNC_CALLS = "appendFile copyFile link mkdir open rename rm rmdir symlink truncate unlink writeFile";
const HANDLE_CALLS = "appendFile truncate write writeFile writev";

const { root, trace, contents, ignored }: RecorderOptions = JSON.parse(
  process.env["EDVOYAGE_FILE_RECORDER"] ?? "",
);
const isIgnored = new RegExp(ignored);
const { appendFileSync, existsSync, fstatSync, readdirSync, readFileSync, statSync, writeFileSync } = fs;

interface Entry {
  readonly inode: number;
  /** `undefined` for a folder. */
  readonly content: string | undefined;
}

const readEntries = (folder = "", entries = new Map<string, Entry>()): Map<string, Entry> => {
  for (const name of readdirSync(join(root, folder))) {
    const path = join(folder, name);
    if (isIgnored.test(path)) continue;
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (!found) continue;
    if (found.isDirectory()) {
      entries.set(path, { inode: found.ino, content: undefined });
      readEntries(path, entries);
    } else {
      entries.set(path, { inode: found.ino, content: keep(readFileSync(join(root, path))) });
    }
  }
  return entries;
};

const keep = (content: Uint8Array): string => {
  const name = createHash("sha256").update(content).digest("hex");
  if (!existsSync(join(contents, name))) writeFileSync(join(contents, name), content);
  return name;
};

/** A program before this one may have been recorded too: its files keep their ids. */
const formerSteps: FileStep[] = existsSync(trace)
  ? readFileSync(trace, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];
const fileByPath = new Map<string, string>();
for (const step of formerSteps) {
  if (step.kind === "name" || step.kind === "rename") fileByPath.set(step.path, step.file);
}

let seen = readEntries();
let files = formerSteps.length;
/** A later file may get the same inode number, so entries are removed with their file. */
const idByInode = new Map<number, string>();
for (const [path, { inode, content }] of seen)
  if (content !== undefined) idByInode.set(inode, fileByPath.get(path) ?? `before:${path}`);

const write = (step: FileStep): void => appendFileSync(trace, `${JSON.stringify(step)}\n`);

/** Records what has changed since the last call. */
const observe = (): void => {
  const now = readEntries();
  const inodes = new Set([...now.values()].map(({ inode }) => inode));
  const gone = new Map([...seen].filter(([path]) => !now.has(path)));
  const contentByInode = new Map([...seen.values()].map(({ inode, content }) => [inode, content]));
  for (const [path, { inode, content }] of now) {
    const before = seen.get(path);
    if (content === undefined) {
      if (before === undefined) write({ kind: "folder", path });
      continue;
    }
    const file = idByInode.get(inode) ?? `${(files += 1)}`;
    idByInode.set(inode, file);
    if (contentByInode.get(inode) !== content) {
      write({ kind: "content", file, content });
      contentByInode.set(inode, content);
    }
    if (before?.inode === inode) continue;
    const from = [...gone].find(([, entry]) => entry.inode === inode)?.[0];
    if (from !== undefined) gone.delete(from);
    write(from === undefined ? { kind: "name", path, file } : { kind: "rename", from, path, file });
  }
  for (const path of gone.keys()) write({ kind: "remove", path });
  for (const inode of idByInode.keys()) if (!inodes.has(inode)) idByInode.delete(inode);
  seen = now;
};

const observeSync = (inode: number): void => {
  observe();
  const file = idByInode.get(inode);
  if (file !== undefined) return write({ kind: "sync-file", file });
  const path = inode === statSync(root).ino ? "" : [...seen].find(([, entry]) => entry.inode === inode)?.[0];
  if (path !== undefined) write({ kind: "sync-folder", path });
};

let depth = 0;
/** Runs a task that works with files itself, without recording it. */
const withoutRecording = (task: () => void): void => {
  depth += 1;
  try {
    task();
  } finally {
    depth -= 1;
  }
};

/** Wraps one of Node's functions. Calls that it makes to other wrapped functions are not recorded. */
const wrapFunction = (
  owner: object,
  name: string,
  after: (first: unknown, result: unknown) => void,
): void => {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") return;
  Reflect.set(owner, name, function (this: unknown, ...args: unknown[]): unknown {
    depth += 1;
    let result: unknown;
    const later = async (promise: Promise<unknown>): Promise<unknown> => done(await promise);
    try {
      result = Reflect.apply(original, this, args);
    } finally {
      depth -= 1;
    }
    const done = (value: unknown): unknown => {
      if (depth === 0) withoutRecording(() => after(args[0], value));
      return value;
    };
    return result instanceof Promise ? later(result) : done(result);
  });
};

const inodeByHandle = new WeakMap<object, number>();

for (const name of SYNC_CALLS.split(" ")) wrapFunction(fs, name, observe);
for (const name of ["fsyncSync", "fdatasyncSync"])
  wrapFunction(fs, name, (fd) => observeSync(fstatSync(Number(fd)).ino));
for (const name of ASYNC_CALLS.split(" "))
  wrapFunction(fs.promises, name, (_path, handle) => {
    observe();
    if (name === "open" && typeof handle === "object" && handle !== null && "fd" in handle)
      inodeByHandle.set(handle, fstatSync(Number(handle.fd)).ino);
  });

const probe = await fs.promises.open(trace, "a");
const handles: object = Reflect.getPrototypeOf(probe) ?? {};
for (const name of HANDLE_CALLS.split(" ")) wrapFunction(handles, name, observe);
for (const name of ["sync", "datasync"]) {
  const original: unknown = Reflect.get(handles, name);
  if (typeof original !== "function") continue;
  Reflect.set(handles, name, async function (this: object): Promise<void> {
    await Reflect.apply(original, this, []);
    withoutRecording(() => observeSync(inodeByHandle.get(this) ?? -1));
  });
}
await probe.close();
syncBuiltinESMExports();

// Records what a process does to the files of one folder: `node --import file-recorder.js`, with a `RecorderOptions`
// as JSON in EDVOYAGE_FILE_RECORDER. It changes nothing of what the process does; power-cut.ts reads what it writes.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { createHash } from "node:crypto";

/** What the recorder is told. */
export interface RecorderOptions {
  /** The folder whose files are watched. It must be there. */
  readonly root: string;
  /** A file outside of `root` that gets one step as JSON a line. */
  readonly trace: string;
  /** A folder outside of `root` for the contents of files. */
  readonly contents: string;
  /** A regular expression for paths that are not watched, such as those that SQLite writes and syncs by itself. */
  readonly ignored: string;
}

/** One change that a process made, or one promise that it got. Paths are relative to the root, which is `""`. */
export type FileStep =
  | { readonly kind: "folder"; readonly path: string }
  /** A file got a name: its first one, or another. */
  | { readonly kind: "name"; readonly path: string; readonly file: string }
  | { readonly kind: "rename"; readonly from: string; readonly path: string; readonly file: string }
  | { readonly kind: "remove"; readonly path: string }
  /** A file has other content now, which is kept under this name. */
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

const look = (folder = "", entries = new Map<string, Entry>()): Map<string, Entry> => {
  for (const name of readdirSync(join(root, folder))) {
    const path = join(folder, name);
    if (isIgnored.test(path)) continue;
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (!found) continue;
    if (found.isDirectory()) {
      entries.set(path, { inode: found.ino, content: undefined });
      look(path, entries);
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

/** A program before this one may have been recorded, too: its files keep their names. */
const former: FileStep[] = existsSync(trace)
  ? readFileSync(trace, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];
const fileByPath = new Map<string, string>();
for (const step of former) {
  if (step.kind === "name" || step.kind === "rename") fileByPath.set(step.path, step.file);
}

let seen = look();
let files = former.length;
/** An inode's number may serve another file later. */
const idByInode = new Map<number, string>();
for (const [path, { inode, content }] of seen)
  if (content !== undefined) idByInode.set(inode, fileByPath.get(path) ?? `before:${path}`);

const write = (step: FileStep): void => appendFileSync(trace, `${JSON.stringify(step)}\n`);

/** Writes down what is other than it was. */
const observe = (): void => {
  const now = look();
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
/** Works with files itself, and does not record that. */
const unseen = (task: () => void): void => {
  depth += 1;
  try {
    task();
  } finally {
    depth -= 1;
  }
};

/** Puts a function around one of Node's. Some of them call others, which are not looked at. */
const around = (owner: object, name: string, after: (first: unknown, result: unknown) => void): void => {
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
      if (depth === 0) unseen(() => after(args[0], value));
      return value;
    };
    return result instanceof Promise ? later(result) : done(result);
  });
};

const inodeByHandle = new WeakMap<object, number>();

for (const name of SYNC_CALLS.split(" ")) around(fs, name, observe);
for (const name of ["fsyncSync", "fdatasyncSync"])
  around(fs, name, (fd) => observeSync(fstatSync(Number(fd)).ino));
for (const name of ASYNC_CALLS.split(" "))
  around(fs.promises, name, (_path, handle) => {
    observe();
    if (name === "open" && typeof handle === "object" && handle !== null && "fd" in handle)
      inodeByHandle.set(handle, fstatSync(Number(handle.fd)).ino);
  });

const probe = await fs.promises.open(trace, "a");
const handles: object = Reflect.getPrototypeOf(probe) ?? {};
for (const name of HANDLE_CALLS.split(" ")) around(handles, name, observe);
for (const name of ["sync", "datasync"]) {
  const original: unknown = Reflect.get(handles, name);
  if (typeof original !== "function") continue;
  Reflect.set(handles, name, async function (this: object): Promise<void> {
    await Reflect.apply(original, this, []);
    unseen(() => observeSync(inodeByHandle.get(this) ?? -1));
  });
}
await probe.close();
syncBuiltinESMExports();

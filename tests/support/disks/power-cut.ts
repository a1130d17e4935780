import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { temporaryFolder } from "../databases/databases.ts";
import type { FileStep, RecorderOptions } from "./file-recorder.ts";

const RECORDER = fileURLToPath(new URL("../../dist/support/disks/file-recorder.js", import.meta.url));
/** More states than a test should check: something that should be synced never is. */
const MAX_STATES = 5_000;

/** The contents of a disk after a power cut: a file's bytes by its path, `undefined` for a folder. */
export type DiskState = ReadonlyMap<string, Buffer | undefined>;

/** A recording of what programs did to the files of a folder. */
export interface Recording {
  /** The environment that makes a program record itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** The recorded steps, in order. */
  steps(): FileStep[];
  /** Returns every state that the disk may have if the power is cut after the last step. */
  statesAtEnd(): DiskState[];
  /** Returns every state that the disk may have if the power is cut at any moment, including after the last step. */
  statesAtAnyTime(): DiskState[];
}

/**
 * Records programs that change the files in `root`, to find out what a power cut may leave of them. A file system keeps
 * what was synced: the bytes of a file after fsync of the file, the names in a folder after fsync of the folder
 * (POSIX). It may keep any part of the rest: each name or not, and of each file the old bytes, the new bytes, or zeros
 * instead of them. A rename is atomic. What is in `root` at the start is already on the disk.
 */
export const recordFiles = (root: string, { ignored = "^$" } = {}): Recording => {
  const outside = temporaryFolder();
  const options: RecorderOptions = {
    root,
    trace: join(outside, "trace.jsonl"),
    contents: join(outside, "contents"),
    ignored,
  };
  mkdirSync(options.contents);
  const before = readTree(root, new RegExp(ignored));
  const contentOf = (name: string): Buffer => readFileSync(join(options.contents, name));
  const steps = (): FileStep[] =>
    existsSync(options.trace)
      ? readFileSync(options.trace, "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : [];
  const states = (ends: (count: number) => number[]): DiskState[] => {
    const all = steps();
    const found = new Map<string, DiskState>();
    for (const end of ends(all.length))
      for (const state of statesAfter(all.slice(0, end), { before, contentOf }))
        found.set(nameState(state), state);
    if (found.size > MAX_STATES) throw new Error(`${found.size} states of the disk`);
    return [...found.values()];
  };
  return {
    environment: {
      NODE_OPTIONS: `--import=${pathToFileURL(RECORDER).href}`,
      EDVOYAGE_FILE_RECORDER: JSON.stringify(options),
    },
    steps,
    statesAtEnd: () => states((count) => [count]),
    statesAtAnyTime: () => states((count) => Array.from({ length: count + 1 }, (_, index) => index)),
  };
};

/** Creates a new folder with the contents of a disk state. */
export const writeState = (state: DiskState): string => {
  const folder = temporaryFolder();
  for (const [path, content] of state) {
    if (content === undefined) mkdirSync(join(folder, path), { recursive: true, mode: 0o700 });
    else writeFileSync(join(folder, path), content, { mode: 0o600 });
  }
  return folder;
};

interface StartOfRecording {
  readonly before: DiskState;
  readonly contentOf: (name: string) => Buffer;
}

/** Combines the names that the disk may have with the contents that each file may have. */
const statesAfter = (steps: readonly FileStep[], { before, contentOf }: StartOfRecording): DiskState[] => {
  const lastSync = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    if (step.kind === "sync-folder") lastSync.set(`folder ${step.path}`, index);
    if (step.kind === "sync-file") lastSync.set(`file ${step.file}`, index);
  }
  const isOnDisk = (what: string, index: number): boolean => (lastSync.get(what) ?? -1) > index;

  const contents = new Map<string, Buffer[]>();
  for (const [path, content] of before) if (content) contents.set(`before:${path}`, [content]);
  const names: { readonly step: FileStep; readonly isSure: boolean }[] = [];
  for (const [index, step] of steps.entries()) {
    if (step.kind === "sync-file" || step.kind === "sync-folder") continue;
    if (step.kind === "content") {
      const content = contentOf(step.content);
      const formerContents = isOnDisk(`file ${step.file}`, index)
        ? []
        : [...(contents.get(step.file) ?? [Buffer.alloc(0)]), Buffer.alloc(content.length)];
      contents.set(step.file, [...formerContents, content]);
      continue;
    }
    // All renames here stay within one folder, so one folder's sync decides.
    names.push({ step, isSure: isOnDisk(`folder ${parentOf(step.path)}`, index) });
  }

  const trees = choices(names.map(({ step, isSure }) => (isSure ? [step] : [step, undefined]))).map(
    (chosen) => applyNames(before, chosen),
  );
  return trees.flatMap((tree) => {
    const entries = [...tree].filter(([path]) => hasParent(tree, path));
    const files = [...new Set(entries.flatMap(([, file]) => (file === undefined ? [] : [file])))];
    return choices(files.map((file) => contents.get(file) ?? [Buffer.alloc(0)])).map((chosen) => {
      const byFile = new Map(files.map((file, index) => [file, chosen[index]]));
      return new Map(
        entries.map(([path, file]) => [
          path,
          file === undefined ? undefined : (byFile.get(file) ?? Buffer.alloc(0)),
        ]),
      );
    });
  });
};

/** Returns a file's id by its path; `undefined` for a folder. */
const applyNames = (
  before: DiskState,
  steps: readonly (FileStep | undefined)[],
): Map<string, string | undefined> => {
  const tree = new Map<string, string | undefined>();
  for (const [path, content] of before) tree.set(path, content === undefined ? undefined : `before:${path}`);
  for (const step of steps) {
    if (step?.kind === "folder") tree.set(step.path, undefined);
    if (step?.kind === "rename") tree.delete(step.from);
    if (step?.kind === "name" || step?.kind === "rename") tree.set(step.path, step.file);
    if (step?.kind === "remove") tree.delete(step.path);
  }
  return tree;
};

/** Returns every combination that takes one element of each list. */
const choices = <T>(options: readonly (readonly T[])[]): T[][] =>
  options.reduce<T[][]>(
    (chosen, next) => chosen.flatMap((combination) => next.map((option) => [...combination, option])),
    [[]],
  );

const hasParent = (tree: ReadonlyMap<string, string | undefined>, path: string): boolean => {
  const parent = parentOf(path);
  return parent === "" || (tree.has(parent) && tree.get(parent) === undefined && hasParent(tree, parent));
};

const parentOf = (path: string): string => {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
};

const nameState = (state: DiskState): string =>
  JSON.stringify(
    [...state]
      .map(([path, content]) => [path, content && createHash("sha256").update(content).digest("hex")])
      .sort(([one], [other]) => String(one).localeCompare(String(other))),
  );

const readTree = (root: string, ignored: RegExp, folder = ""): Map<string, Buffer | undefined> => {
  const tree = new Map<string, Buffer | undefined>();
  for (const name of readdirSync(join(root, folder))) {
    const path = join(folder, name);
    if (ignored.test(path)) continue;
    const isFolder = statSync(join(root, path)).isDirectory();
    tree.set(path, isFolder ? undefined : readFileSync(join(root, path)));
    if (isFolder) for (const [inner, content] of readTree(root, ignored, path)) tree.set(inner, content);
  }
  return tree;
};

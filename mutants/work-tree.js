import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const WORKSPACES = ["cli", "client-sdk", "db", "protocol", "server", "tests"];

/** Lists the files of the repository, including new ones that are not committed yet. */
export const repositoryFiles = (root) =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
    .toString()
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(root, file)));

/**
 * Copies the repository's files to `tree`. Stryker changes the copy in place: in a sandbox of its own, the links between
 * the workspaces would lead back to unchanged sources. A copy that an interrupted run left behind is repaired.
 */
export const copyRepository = (root, tree) => {
  const files = repositoryFiles(root);
  mkdirSync(tree, { recursive: true });
  removeOthers(tree, new Set(files), "");
  for (const file of files) copyIfChanged(join(root, file), join(tree, file));
  linkWorkspaces(tree);
};

const removeOthers = (tree, files, folder) => {
  for (const entry of readdirSync(join(tree, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (path === "node_modules") continue;
    if (entry.isDirectory()) removeOthers(tree, files, path);
    else if (!files.has(path)) rmSync(join(tree, path));
  }
};

const copyIfChanged = (from, to) => {
  const bytes = readFileSync(from);
  if (existsSync(to) && readFileSync(to).equals(bytes)) return;
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, bytes);
};

/** Links the copy's workspaces to each other. All other packages are found in the repository above the copy. */
const linkWorkspaces = (tree) => {
  const scope = join(tree, "node_modules", "@edvoyage");
  rmSync(scope, { recursive: true, force: true });
  mkdirSync(scope, { recursive: true });
  for (const workspace of WORKSPACES) symlinkSync(join(tree, workspace), join(scope, workspace));
};

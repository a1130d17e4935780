// Installs what is missing and builds what has changed, so that a fresh clone needs one command.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const inRoot = (path) => `${root}${path}`;
/** Remembers what the installed packages were installed from. */
const STAMP = inRoot("node_modules/.edvoyage-installed");
const [MIN_MAJOR, MIN_MINOR] = [20, 19];

const fail = (message) => {
  process.stderr.write(`edvoyage: ${message}\n`);
  process.exit(1);
};

const run = (command, args) => {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    // Standard output belongs to what comes after.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (error) fail(`${command} could not be run: ${error.message}`);
  if (status !== 0) fail(`"${command} ${args.join(" ")}" failed`);
};

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < MIN_MAJOR || (major === MIN_MAJOR && minor < MIN_MINOR)) {
  fail(`Node.js ${MIN_MAJOR}.${MIN_MINOR} or newer is needed; this is ${process.versions.node}`);
}

const wanted = createHash("sha256")
  .update(readFileSync(inRoot("package-lock.json")))
  .update(`${process.versions.modules} ${process.platform} ${process.arch}`)
  .digest("hex");
if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== wanted) {
  process.stderr.write(
    "Installing; the first time SQLite may be compiled, which takes two or three minutes.\n",
  );
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(STAMP, wanted);
}
run(process.execPath, [inRoot("node_modules/typescript/bin/tsc"), "-b"]);

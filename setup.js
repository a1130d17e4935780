// Installs missing packages and builds what has changed, so that a fresh clone needs only one command.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const pathInRoot = (path) => `${root}${path}`;
/** Records the lock file and platform of the installed packages. */
const STAMP = pathInRoot("node_modules/.edvoyage-installed");
const [MIN_MAJOR, MIN_MINOR] = [20, 19];

const fail = (message) => {
  process.stderr.write(`edvoyage: ${message}\n`);
  process.exit(1);
};

const run = (command, args) => {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    // Standard output is reserved for the command that runs after this.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (error) fail(`Could not run ${command}: ${error.message}`);
  if (status !== 0) fail(`"${command} ${args.join(" ")}" failed`);
};

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < MIN_MAJOR || (major === MIN_MAJOR && minor < MIN_MINOR)) {
  fail(`Node.js ${MIN_MAJOR}.${MIN_MINOR} or newer is required; this is ${process.versions.node}`);
}

const stamp = createHash("sha256")
  .update(readFileSync(pathInRoot("package-lock.json")))
  .update(`${process.versions.modules} ${process.platform} ${process.arch}`)
  .digest("hex");
if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== stamp) {
  process.stderr.write(
    "Installing packages. The first time, SQLite may be compiled, which takes two or three minutes.\n",
  );
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(STAMP, stamp);
}
run(process.execPath, [pathInRoot("node_modules/typescript/bin/tsc"), "-b"]);

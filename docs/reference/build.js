// Builds the SDK's API reference into docs/reference/site: `npm run docs`. Anything exported without a docstring fails the build.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const sdk = fileURLToPath(new URL("../../client-sdk/", import.meta.url));
const TYPEDOC = `${here}node_modules/typedoc/bin/typedoc`;

// For the tests of this repository; not published.
const { "./testing": _testing, ...published } = JSON.parse(
  readFileSync(`${sdk}package.json`, "utf8"),
).exports;

if (!existsSync(TYPEDOC)) execFileSync("npm", ["ci"], { cwd: here, stdio: "inherit" });
execFileSync(
  process.execPath,
  [
    TYPEDOC,
    "--options",
    `${here}typedoc.json`,
    ...Object.values(published).flatMap(({ source }) => ["--entryPoints", `${sdk}${source}`]),
  ],
  { cwd: sdk, stdio: "inherit" },
);

// Writes docs/cli.md: `npm run docs:cli`.
import { readFileSync, writeFileSync } from "node:fs";
import { createCommandsPage } from "./commands-page.ts";

const page = new URL("../../../docs/cli.md", import.meta.url);
writeFileSync(page, createCommandsPage(readFileSync(page, "utf8")));

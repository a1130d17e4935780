// Writes docs/api.md and server/openapi.json: `npm run docs:api`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiFiles } from "./api-page/api-files.ts";
import { systemClock } from "./platform/clock.ts";
import { parseConfig } from "./platform/config.ts";
import { systemRandom } from "./platform/crypto.ts";
import { prepareDataDir } from "./platform/data-dir.ts";
import { createLogger } from "./platform/logger.ts";
import { createServer } from "./server.ts";

const dataDir = mkdtempSync(join(tmpdir(), "edvoyage-api-page-"));
try {
  const config = parseConfig({ EDVOYAGE_DATA_DIR: dataDir, EDVOYAGE_SEED: "none" });
  const log = createLogger("silent");
  // A server that never listens: its router knows every procedure.
  const server = await createServer({
    config,
    secrets: await prepareDataDir(config, { random: systemRandom, log }),
    clock: systemClock,
    random: systemRandom,
    log,
    smsProvider: { name: "file", send: async () => {} },
    pushProvider: undefined,
  });
  const page = new URL("../../docs/api.md", import.meta.url);
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  const files = createApiFiles(server.procedures, { page: readFileSync(page, "utf8"), version });
  writeFileSync(page, files.page);
  writeFileSync(new URL("../openapi.json", import.meta.url), files.openApi);
  await server.close();
} finally {
  rmSync(dataDir, { recursive: true });
}

import { readFileSync } from "node:fs";
import { createApiFiles } from "@edvoyage/server/api-files";
import { expect, test } from "vitest";
import { createWorld } from "../support/servers/world.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readVersion = (): string => {
  const { version }: { version: string } = JSON.parse(read("server/package.json"));
  return version;
};

test("docs/api.md and server/openapi.json are what `npm run docs:api` makes of the procedures", async () => {
  const { server } = await createWorld();
  const page = read("docs/api.md");

  const files = createApiFiles(server.procedures, { page, version: readVersion() });

  expect(page).toBe(files.page);
  expect(read("server/openapi.json")).toBe(files.openApi);
});

test("every heading of docs/api.md has an anchor of its own", () => {
  const anchors = [...read("docs/api.md").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

  expect(anchors.filter((anchor, index) => anchors.indexOf(anchor) !== index)).toEqual([]);
  expect(anchors.length).toBeGreaterThan(100);
});

test("rejects a procedure without a summary, and a page without the line that separates its hand-written head", async () => {
  const { server } = await createWorld();
  const [first] = server.procedures;
  const options = { page: read("docs/api.md"), version: readVersion() };
  const unknown = { ...(first ?? expect.fail("no procedure")), path: "nothing.list" };

  expect(() => createApiFiles([...server.procedures, unknown], options)).toThrow(/nothing\.list needs/);
  expect(() => createApiFiles(server.procedures.slice(1), options)).toThrow(/There is no procedure/);
  expect(() => createApiFiles(server.procedures, { ...options, page: "# The HTTP API\n" })).toThrow(
    /needs this line once/,
  );
});

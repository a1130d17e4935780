import { expect, test, vi } from "vitest";
import { CTRL_C, openPseudoTerminal } from "../../support/apps/pseudo-terminal.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";

// The program starts in a second, but on a busy machine in half a minute.
vi.setConfig({ testTimeout: 120_000 });

const QUESTION = /Permanently erase .* now\?/;

const openOn = (
  { dataDir, url }: World,
  words: readonly string[],
  options: { readonly columns?: number } = {},
) =>
  openPseudoTerminal(words, { environment: { EDVOYAGE_DATA_DIR: dataDir, EDVOYAGE_URL: url }, ...options });

/** Opens the question before the erasure of a student. */
const askToErase = async (columns?: number) => {
  const world = await createWorld();
  const { user, rpc } = await world.device().signIn();
  const terminal = openOn(world, ["users", "erase", user.id], columns === undefined ? {} : { columns });
  await terminal.shows(/y\/N/i);
  return { terminal, rpc };
};

test("a table has the width of the terminal, and names the columns that had no room", async () => {
  const world = await createWorld();
  const { session } = await world.device({ name: "Asha's phone" }).signIn();

  const wide = openOn(world, ["sessions", "list"], { columns: 200 });
  const narrow = openOn(world, ["sessions", "list"], { columns: 60 });

  expect(await wide.ended).toBe(0);
  expect(wide.screen()).toMatch(new RegExp(`${session.id}.*Asha's phone`));
  expect(wide.screen()).not.toContain("widen the terminal");
  expect(await narrow.ended).toBe(0);
  expect(narrow.screen().replaceAll("\n", " ")).toContain("widen the terminal");
  for (const { isCursorShown } of [wide, narrow]) expect(isCursorShown()).toBe(true);
});

test("one key answers a question without Enter and without an echo, and the cursor is shown again", async () => {
  const { terminal, rpc } = await askToErase();
  const wasCursorShown = terminal.isCursorShown();

  terminal.type("y");
  const exitCode = await terminal.ended;

  expect(wasCursorShown).toBe(false);
  expect(exitCode).toBe(0);
  expect(terminal.isCursorShown()).toBe(true);
  expect(terminal.screen()).toMatch(/ y\/N$/m);
  expect(terminal.screen()).toContain("is erased.");
  await expectRefusal(rpc.sessions.validate.query(), "session/unknown");
});

test("Enter alone does not confirm", async () => {
  const { terminal, rpc } = await askToErase();

  terminal.type("\r");

  expect(await terminal.ended).toBe(2);
  expect(terminal.screen()).toContain("Not confirmed: nothing was changed.");
  await rpc.sessions.validate.query();
});

test("a question is shown once after the terminal was made narrower and wider, and can still be answered", async () => {
  const { terminal, rpc } = await askToErase(100);

  terminal.resize(50);
  await terminal.shows(QUESTION);
  terminal.resize(120);
  await terminal.shows(QUESTION);
  terminal.type("n");

  expect(await terminal.ended).toBe(2);
  expect(terminal.screen().match(new RegExp(QUESTION, "g"))).toHaveLength(1);
  await rpc.sessions.validate.query();
});

test("Ctrl-C at a question changes nothing, ends with exit code 130 and leaves the cursor shown", async () => {
  const { terminal, rpc } = await askToErase();

  terminal.type(CTRL_C);

  expect(await terminal.ended).toBe(130);
  expect(terminal.isCursorShown()).toBe(true);
  expect(terminal.screen()).toContain("Interrupted: nothing was changed.");
  await rpc.sessions.validate.query();
});

test("Ctrl-C while a progress bar is drawn ends with exit code 130 and leaves the cursor shown", async () => {
  const world = await createWorld();
  const terminal = openOn(world, ["seed", "run", "--students", "300"]);
  await terminal.shows(/Building .* of [\d,]+/);
  const wasCursorShown = terminal.isCursorShown();

  terminal.type(CTRL_C);

  expect(await terminal.ended).toBe(130);
  expect(wasCursorShown).toBe(false);
  expect(terminal.isCursorShown()).toBe(true);
});

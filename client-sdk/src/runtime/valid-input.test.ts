import { contactCheck } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createManualClock } from "../outbox/outbox-scene.test.shared.ts";
import { loadOnce, type CommandChecks } from "./valid-input.ts";

const CHECKS: CommandChecks = { "contacts.add": contactCheck };

test("checks are loaded once, and a write that comes before that waits for them", async () => {
  const { clock, waits } = createManualClock();
  let loads = 0;
  const checks = loadOnce(async () => {
    loads += 1;
    return CHECKS;
  }, clock);

  const known = await Promise.all([checks(), checks()]);

  expect(known).toEqual([CHECKS, CHECKS]);
  expect(loads).toBe(1);
  expect(waits()).toEqual([]);
});

test("checks that cannot be loaded stop no write", async () => {
  const { clock } = createManualClock();
  const checks = loadOnce(() => Promise.reject(new TypeError("Failed to fetch")), clock);

  const known = await checks();

  expect(known).toEqual({});
});

test("checks that could not be loaded are loaded for the next write", async () => {
  const { clock } = createManualClock();
  let isOnline = false;
  const checks = loadOnce(async () => {
    if (!isOnline) throw new TypeError("Failed to fetch");
    return CHECKS;
  }, clock);

  const offline = await checks();
  isOnline = true;
  const online = await checks();

  expect(offline).toEqual({});
  expect(online).toEqual(CHECKS);
});

test("checks that do not arrive hold a write for a second at most, and count once they arrive", async () => {
  const { clock, advance, waits } = createManualClock();
  let arrive = (_checks: CommandChecks): void => {};
  const arriving = new Promise<CommandChecks>((resolve) => {
    arrive = resolve;
  });
  const checks = loadOnce(() => arriving, clock);

  const early = checks();
  const waiting = waits();
  advance(1_000);
  const known = await early;
  arrive(CHECKS);
  const later = await checks();

  expect(waiting).toEqual([1_000]);
  expect(known).toEqual({});
  expect(later).toEqual(CHECKS);
});

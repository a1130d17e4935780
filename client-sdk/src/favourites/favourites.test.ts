import { defaultLimits, type CommandId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createSubject } from "../runtime/observable.ts";
import { createCurrent } from "../students/current-student.ts";
import type { UserDocument } from "../sync/user-document.ts";
import { createFavourites } from "./favourites.ts";

const ONE = "01990000-0000-7000-8000-000000000001";
const TWO = "01990000-0000-7000-8000-000000000002";

/** Creates a document without a disk and a server. */
const createDocument = (initial: ReadonlyMap<string, unknown> = new Map()) => {
  const favourites = createSubject(initial);
  const document: Pick<UserDocument, "entries" | "edit"> = {
    entries: { favourites, settings: createSubject(new Map()) },
    edit: async (_root, key, change) => {
      const value = change(favourites.value.get(key));
      const next = new Map(favourites.value);
      next.delete(key);
      if (value !== undefined) next.set(key, value);
      favourites.set(next);
      return { id: "edit" as CommandId, settled: Promise.resolve(null), value: value as never };
    },
  };
  return document;
};

const createWithClock = (document = createDocument()) => {
  let now = 1_000;
  const clock = { now: () => (now += 1), after: () => () => {} };
  return createFavourites(createCurrent(createSubject({ document })), { clock });
};

test("toggle adds or removes a favourite and returns whether it is one now", async () => {
  const favourites = createWithClock();

  const first = await favourites.toggle("university", ONE);
  const hadIt = favourites.has("university", ONE);
  const second = await favourites.toggle("university", ONE);

  expect([first.isFavourite, hadIt, second.isFavourite]).toEqual([true, true, false]);
  expect(favourites.list()).toEqual([]);
});

test("the list of favourites starts with the newest and is the same array while nothing changes", async () => {
  const favourites = createWithClock();
  await favourites.add("university", ONE);
  await favourites.add("course", TWO);
  await favourites.add("university", ONE);

  expect(favourites.list()).toEqual([
    { kind: "course", id: TWO, addedAt: 1_002 },
    { kind: "university", id: ONE, addedAt: 1_001 },
  ]);
  expect(favourites.list()).toBe(favourites.list());
});

test("a watcher is called immediately and after each change, until it unsubscribes", async () => {
  const favourites = createWithClock();
  const heard: number[] = [];
  const leave = favourites.watch((list) => heard.push(list.length));

  await favourites.add("course", ONE);
  leave();
  await favourites.remove("course", ONE);

  expect(heard).toEqual([0, 1]);
});

test("the list of favourites skips entries that are not favourites", () => {
  const entries = new Map<string, unknown>([
    [`university:${ONE}`, { addedAt: 5 }],
    [`university:${TWO}`, "yes"],
    ["nonsense", { addedAt: 5 }],
  ]);

  expect(createWithClock(createDocument(entries)).list()).toEqual([
    { kind: "university", id: ONE, addedAt: 5 },
  ]);
});

test("adding one favourite too many is rejected, and existing ones can still be removed", async () => {
  const idOf = (index: number) => `01990000-0000-7000-8000-${String(index).padStart(12, "0")}`;
  const entries = Array.from(
    { length: defaultLimits.favourites },
    (_, index) => [`course:${idOf(index)}`, { addedAt: index }] as const,
  );
  const favourites = createWithClock(createDocument(new Map(entries)));

  await expect(favourites.toggle("university", ONE)).rejects.toMatchObject({
    reason: "limit/reached",
    details: { limit: "favourites" },
  });
  await favourites.add("course", idOf(1));
  expect(await favourites.toggle("course", idOf(2))).toMatchObject({ isFavourite: false });
});

test("an invalid id is rejected with input/invalid", async () => {
  const favourites = createWithClock();

  await expect(favourites.toggle("university", "MIT")).rejects.toMatchObject({ reason: "input/invalid" });
  expect(() => favourites.has("university", "MIT")).toThrow(
    expect.objectContaining({ reason: "input/invalid" }),
  );
});

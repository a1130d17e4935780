import type { CommandId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createSubject } from "../runtime/observable.ts";
import { createCurrent } from "../students/current-student.ts";
import type { UserDocument } from "../sync/user-document.ts";
import { createSettings } from "./settings.ts";

/** Creates settings with a document without a disk and a server. */
const create = () => {
  const settings = createSubject<ReadonlyMap<string, unknown>>(new Map());
  const document: Pick<UserDocument, "entries" | "edit"> = {
    entries: { favourites: createSubject(new Map()), settings },
    edit: async (_root, key, change) => {
      const value = change(settings.value.get(key));
      const next = new Map(settings.value);
      if (value === undefined) next.delete(key);
      else next.set(key, value);
      settings.set(next);
      return { id: "edit" as CommandId, settled: Promise.resolve(null), value: undefined };
    },
  };
  return createSettings(createCurrent(createSubject({ document })));
};

test("a setting can be read, alone and with all others, until it is removed", async () => {
  const settings = create();
  await settings.set("theme", { dark: true });
  await settings.set("sort", "name");
  const all = settings.all();

  await settings.set("sort", undefined);

  expect(all).toEqual({ theme: { dark: true }, sort: "name" });
  expect(settings.all()).toEqual({ theme: { dark: true } });
  expect([settings.get("theme"), settings.get("sort"), settings.get("toString")]).toEqual([
    { dark: true },
    undefined,
    undefined,
  ]);
});

test("a watcher of settings is called immediately and after each change, until it unsubscribes", async () => {
  const settings = create();
  const heard: unknown[] = [];
  const leave = settings.watch((all) => heard.push(all));

  await settings.set("theme", "dark");
  leave();
  await settings.set("theme", "light");

  expect(heard).toEqual([{}, { theme: "dark" }]);
});

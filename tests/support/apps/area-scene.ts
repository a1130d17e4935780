import type { Client, View } from "@edvoyage/client-sdk";
import { expect } from "vitest";
import { createApp, type App } from "./app.ts";
import { COMPLETE_FIELDS } from "../students/application.ts";
import { createStudent, type Student } from "../students/student.ts";
import { until, untilWithin } from "../network/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../servers/world.ts";

/** A student with an app, and a friend of the student. */
export const createAreaScene = async (options: WorldOptions = {}) => {
  const world = await createWorld(options);
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const app = await createApp(world);
  const phone = await app.signIn();
  await until(() => app.client.sync.status.connection === "online");
  return { world, friend, app, phone };
};

/** Returns a course of the catalogue. */
export const someCourse = async ({ client }: App, place = 0) =>
  (await client.courses.list({})).items[place] ?? expect.fail("no course");

/** A second phone of the student, connected. */
export const createOther = async ({
  world,
  phone,
}: Awaited<ReturnType<typeof createAreaScene>>): Promise<App> => {
  const other = await createApp(world);
  await other.signIn(phone);
  await until(() => other.client.sync.status.connection === "online");
  return other;
};

/** Posts a text. Returns the id of the post. */
export const postBy = async ({ rpc }: Student, text: string): Promise<string> =>
  (await rpc.social.post.mutate({ text })).postId;

/** Returns the texts of a page. */
export const textsOf = ({ items }: { readonly items: readonly { readonly text: string | null }[] }) =>
  items.map(({ text }) => text);

/** Returns the id of the student who is signed in. */
export const studentIn = ({ auth }: Client): string =>
  auth.status.state === "signedIn" || auth.status.state === "expired"
    ? auth.status.student.id
    : expect.fail("nobody is signed in");

/** Waits until a condition holds. The server sends two hints per second of its clock, which this advances by a second at most. */
export const untilHinted = ({ world }: { readonly world: World }, condition: () => boolean): Promise<void> =>
  untilWithin({ clock: world.clock, within: { seconds: 1 } }, condition);

/** Watches a view until the test is over; returns a function with the view's latest value. */
export const latestOf = <Value>(view: Pick<View<Value>, "watch">): (() => Value | undefined) => {
  let last: Value | undefined;
  view.watch(({ value }) => (last = value));
  return () => last;
};

/** Fills in every field that an application needs to be submitted. */
export const completeApplication = async ({ applications }: Client, id: string): Promise<void> => {
  await applications.update(id, COMPLETE_FIELDS);
  for (const kind of ["passport", "transcript"] as const) {
    await applications.addDocument(id, { kind, name: `${kind}.pdf`, status: "uploaded" });
  }
};

import { isEdVoyageError, type Client } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp } from "../../support/apps/app.ts";
import { completeApplication, createAreaScene, someCourse } from "../../support/apps/area-scene.ts";
import { createWorld } from "../../support/servers/world.ts";

const ID = "01990000-0000-7000-8000-000000000001";

/** Calls that the server would reject, with the reason and the places of the faults. */
const CALLS: readonly (readonly [string, (client: Client) => Promise<unknown>, string, readonly string[]])[] =
  [
    ["a post of spaces", ({ social }) => social.post({ text: "  " }), "input/invalid", ["text"]],
    ["an empty post", ({ social }) => social.post({}), "input/invalid", ["text"]],
    [
      "a post with a link of another kind",
      ({ social }) => social.post({ text: "Look", link: "http://example.org" }),
      "input/invalid",
      ["link"],
    ],
    [
      "an edit with an image and a text that do not fit",
      ({ social }) => social.editPost(ID, { text: "\u0000", image: "../image" }),
      "input/invalid",
      ["text", "image"],
    ],
    ["an empty comment", ({ social }) => social.comment(ID, { text: "" }), "input/invalid", ["text"]],
    [
      "a report of two lines",
      ({ social }) => social.report(ID, { reason: "Spam\nand more" }),
      "input/invalid",
      ["reason"],
    ],
    [
      "a country by its name",
      ({ profile }) => profile.update({ homeCountry: "Portugal" }),
      "input/invalid",
      ["homeCountry"],
    ],
    [
      "a job that ends before it begins",
      ({ profile }) =>
        profile.update({
          work: [{ employer: "Shop", title: null, description: null, from: "2024-02", until: "2024-01" }],
        }),
      "input/invalid",
      ["work.0.until"],
    ],
    ["a number of letters", ({ contacts }) => contacts.addByNumber("abc"), "phone/invalid", []],
    ["a number of separators", ({ contacts }) => contacts.addByNumber("+-( )"), "phone/invalid", []],
    [
      "an empty nickname",
      ({ contacts }) => contacts.add(ID, { nickname: " " }),
      "input/invalid",
      ["nickname"],
    ],
    [
      "a changed nickname of two lines",
      ({ contacts }) => contacts.update(ID, { nickname: "Bo\nB" }),
      "input/invalid",
      ["nickname"],
    ],
    [
      "a draft with half an address",
      ({ applications }) => applications.update(ID, { contactEmail: "ada@" }),
      "input/invalid",
      ["changes.contactEmail"],
    ],
    [
      "a document without a name",
      ({ applications }) => applications.addDocument(ID, { kind: "cv", name: "" }),
      "input/invalid",
      ["name"],
    ],
  ];

/** Returns the reason of an error and the places of its faults. */
const faultsOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "accepted",
    (error: unknown) => {
      if (!isEdVoyageError(error)) throw error;
      const issues = (error.details["issues"] ?? []) as readonly { readonly path: string }[];
      return [error.reason, issues.map(({ path }) => path)];
    },
  );

test("what the server would reject is rejected on the device without a network, and nothing is queued", async () => {
  const { app } = await createAreaScene();
  app.setOnline(false);
  const requests = app.requests.length;

  for (const [what, call, reason, places] of CALLS)
    expect(await faultsOf(call(app.client)), what).toEqual([reason, places]);

  expect(app.client.outbox.list()).toEqual([]);
  expect(app.requests).toHaveLength(requests);
});

test("an invalid input rejects with signed-out without a student, as a valid one does", async () => {
  const app = await createApp(await createWorld());

  for (const [what, call] of CALLS)
    expect(await faultsOf(call(app.client)), what).toEqual(["signed-out", []]);
});

test.each(["abc", "", "12", "07400 123456", "+".repeat(40)])(
  "the text '%s' is no phone number to sign in with, and is not sent",
  async (text) => {
    const app = await createApp(await createWorld());

    expect(await faultsOf(app.client.auth.requestCode(text))).toEqual(["phone/invalid", []]);

    expect(app.requests).toEqual([]);
  },
);

test("a draft says without a network what it lacks, and is not submitted before it is complete", async () => {
  const { app } = await createAreaScene();
  const { applications, outbox, sync } = app.client;
  const course = await someCourse(app);
  app.setOnline(false);
  const { id: draft } = await applications.create(course, { studyMode: "full-time" });
  const missing = async () =>
    applications.missing(await applications.one(draft).get()).map(({ path }) => path);

  const lacking = await missing();
  expect(lacking).toEqual([
    "fields.intakeYear",
    "fields.contactEmail",
    "fields.funding",
    "fields.statement",
    "documents.passport",
    "documents.transcript",
  ]);
  expect(await faultsOf(applications.submit(draft))).toEqual(["input/invalid", lacking]);
  expect(outbox.list().map(({ procedure }) => procedure)).toEqual(["applications.create"]);

  await completeApplication(app.client, draft);
  expect(await missing()).toEqual([]);
  await applications.submit(draft);
  app.setOnline(true);
  await sync.flush();
  expect(sync.status).toMatchObject({ pending: 0, failed: 0 });
  expect(await applications.one(draft).get({ refresh: true })).toMatchObject({ status: "submitted" });
});

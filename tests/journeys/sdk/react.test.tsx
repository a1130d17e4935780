import { createMemoryStorage, StorageError, type StorageAdapter } from "@edvoyage/client-sdk";
import { EdVoyageProvider, useOutbox, useReady, useRooms, useSecondsUntil } from "@edvoyage/client-sdk/react";
import { Window } from "happy-dom";
import { StrictMode, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { expect, onTestFinished, test, vi } from "vitest";
import { Cavity } from "../../examples/cavity-screen.tsx";
import { App } from "../../examples/screens.tsx";
import { createApp, type App as Phone } from "../../support/apps/app.ts";
import { somePhone } from "../../support/students/phone.ts";
import { until } from "../../support/network/sync-client.ts";
import { wrongCode } from "../../support/students/wrong-code.ts";
import { createWorld, type WorldOptions } from "../../support/servers/world.ts";

/** Renders into a new document, which is removed after the test. */
const render = async (element: ReactNode) => {
  const window = new Window();
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", window.document);
  vi.stubGlobal("navigator", window.navigator);
  const { createRoot } = await import("react-dom/client");
  const container = window.document.createElement("div");
  window.document.body.append(container);
  const root = createRoot(container as unknown as Element); // happy-dom's elements are not those of lib.dom
  root.render(<StrictMode>{element}</StrictMode>);
  onTestFinished(async () => {
    root.unmount();
    // React continues for a moment with the current globals, so they stay until the next test replaces them.
    await new Promise((resolve) => setImmediate(resolve));
    await window.happyDOM.close();
  });
  return {
    text: () => container.textContent,
    click: (label: string) => {
      const button = [...container.querySelectorAll("button")].find(
        (candidate) => candidate.textContent === label,
      );
      (button ?? expect.fail(`there is no button ${label} in ${container.innerHTML}`)).click();
    },
    /** Waits until the screen shows a text. */
    shows: (text: RegExp) => until(() => text.test(container.textContent)),
  };
};

const createSignedIn = async (options: WorldOptions = {}): Promise<{ phone: Phone; roomId: string }> => {
  const world = await createWorld(options);
  await world.server.seedIfEmpty();
  const phone = await createApp(world);
  await phone.signIn();
  const { id } = await phone.client.chat.createRoom({ kind: "group", name: "Lisbon", memberIds: [] });
  return { phone, roomId: id };
};

test("a server renders the app as signed out, without opening the client", async () => {
  const world = await createWorld();
  const { client } = await createApp(world, { isReady: false });

  expect(renderToString(<App client={client} roomId="any" />)).toContain("…");
  expect(client.isReady).toBe(false);
});

test("the README's app follows the states of signing in", async () => {
  const world = await createWorld();
  const phone = await createApp(world, { isReady: false });
  const screen = await render(<App client={phone.client} />);
  await screen.shows(/Your phone number, please\./);

  const number = somePhone();
  await phone.client.auth.requestCode(number);
  await screen.shows(/^3 attempts left for the code that we sent\.$/);
  for (const tries of [1, 2, 3]) await phone.client.auth.verifyCode(wrongCode(world, tries)).catch(() => {});

  await screen.shows(/^Too many wrong codes\. Try again in \d+ s\.$/);
});

test("favourites and messages appear on the screen as they change", async () => {
  const { phone, roomId } = await createSignedIn();
  const screen = await render(<App client={phone.client} roomId={roomId} />);
  await screen.shows(/Universidade de Lisboa/);
  expect(screen.text()).not.toContain("★");

  screen.click("☆");
  await screen.shows(/★/);
  phone.setOnline(false);
  screen.click("Say hello");
  await screen.shows(/Saved on this phone/);
  await screen.shows(/Hello/);
  phone.setOnline(true);
  await screen.shows(/Say helloSaved$/);

  expect(phone.client.favourites.list()).toHaveLength(1);
});

test("rooms, the outbox and countdowns update the screen, and an unrelated change renders nothing again", async () => {
  const { phone, roomId } = await createSignedIn();
  let renderings = 0;
  const Overview = () => {
    const { rooms } = useRooms();
    const { entries } = useOutbox();
    renderings += 1;
    return <p>{`${rooms.map(({ name, preview }) => `${name}: ${preview}`).join()} ${entries.length}`}</p>;
  };
  const Countdown = ({ at }: { readonly at: number }) => <b>{useSecondsUntil(at)}</b>;
  const screen = await render(
    <EdVoyageProvider client={phone.client}>
      <Overview />
      <Countdown at={Date.now() + 1_000} />
    </EdVoyageProvider>,
  );
  phone.setOnline(false);

  await phone.client.chat.room(roomId).send("See you there");
  await screen.shows(/Lisbon: See you there 1/);
  await screen.shows(/10/);

  const before = renderings;
  phone.client.chat.room(roomId).typing(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(renderings).toBe(before);
});

test("the Cavity screen shows unsent, failed and new posts", async () => {
  const { phone } = await createSignedIn({ limits: { postCharacters: 100 } });
  const { client } = phone;
  expect(
    renderToString(
      <EdVoyageProvider client={client}>
        <Cavity />
      </EdVoyageProvider>,
    ),
  ).toContain("You");
  const screen = await render(
    <EdVoyageProvider client={client}>
      <Cavity />
    </EdVoyageProvider>,
  );
  await client.profile.update({ name: "Ada" });
  await screen.shows(/^Ada: 0 new$/);
  const { id: post } = await client.social.post({ text: "Shown at once" });
  await screen.shows(/Shown at once♥ 0/);
  await client.sync.flush();

  phone.setOnline(false);
  screen.click("♥ 0");
  await screen.shows(/♥ 1/);
  await client.social.comment(post, { text: "Later" });
  await screen.shows(/Later \(to be sent\)/);
  await client.social.post({ text: "x".repeat(101) });
  phone.setOnline(true);
  await screen.shows(/Not sent: limit\/reached.*♥ 1Later$/);
  screen.click("Not sent: limit/reached");
  await screen.shows(/^Ada: 0 newShown at once♥ 1Later$/);
});

test("an app whose device could not be read for a moment appears as soon as it can", async () => {
  const world = await createWorld();
  const storage = createMemoryStorage();
  let failures = 1;
  const disk: StorageAdapter = {
    ...storage,
    open: async (name) => {
      failures -= 1;
      if (failures >= 0) throw new StorageError("failed", "for a moment");
      return storage.open(name);
    },
  };
  const { client } = await createApp(world, { storage, disk, isReady: false });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const errors: unknown[] = [];
  const screen = await render(
    <EdVoyageProvider client={client} onError={(error) => errors.push(error)}>
      <Readiness />
    </EdVoyageProvider>,
  );
  await vi.waitUntil(() => errors.length > 0);
  expect(screen.text()).toBe("…");

  await vi.advanceTimersByTimeAsync(2_000);
  await vi.waitUntil(() => screen.text() === "ready");

  expect(errors[0]).toMatchObject({ reason: "device/failed" });
});

const Readiness = () => <p>{useReady() ? "ready" : "…"}</p>;

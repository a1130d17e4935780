import { afterEach, expect, test, vi } from "vitest";
import { createBrowserPeers } from "./browser-peers.ts";

// The contract suite in tests/contracts/browser-storage.test.ts tests the tabs of a real browser.

afterEach(() => void vi.unstubAllGlobals());

test("a tab that cannot hear the others gets every name that it asks for, unless it has given the name back", async () => {
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("BroadcastChannel", undefined);
  const peers = createBrowserPeers("edvoyage");
  const taken = vi.fn<(name: string) => void>();

  peers.acquire("given back", () => taken("given back"))();
  await new Promise<void>((resolve) => {
    peers.acquire("kept", () => {
      taken("kept");
      resolve();
    });
  });
  const stop = peers.subscribe(() => expect.fail("there is nobody"));
  peers.broadcast("is anybody there?");
  stop();

  expect(taken.mock.calls).toEqual([["kept"]]);
});

test("a channel is open only while somebody listens, or while a message is sent", () => {
  const channels: { isOpen: boolean; readonly sent: unknown[] }[] = [];
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      readonly sent: unknown[] = [];
      isOpen = true;
      constructor() {
        channels.push(this);
      }
      postMessage(message: unknown): void {
        this.sent.push(message);
      }
      close(): void {
        this.isOpen = false;
      }
    },
  );
  const peers = createBrowserPeers("edvoyage");

  peers.broadcast("to nobody");
  const stops = [peers.subscribe(() => {}), peers.subscribe(() => {})];
  peers.broadcast("through the open one");
  expect(channels).toMatchObject([
    { isOpen: false, sent: ["to nobody"] },
    { isOpen: true, sent: ["through the open one"] },
  ]);
  for (const stop of stops) stop();

  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false, false]);
});

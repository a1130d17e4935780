import { afterEach, expect, test, vi } from "vitest";
import { createBrowserPeers } from "./browser-peers.ts";

// Between tabs of a real browser: the contract suite in tests/contracts/browser-storage.test.ts.

afterEach(() => void vi.unstubAllGlobals());

test("a tab that cannot hear the others has what it takes, unless it gave it back before", async () => {
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

test("a channel is open only while somebody listens, or something is said", () => {
  const channels: { isOpen: boolean; readonly said: unknown[] }[] = [];
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      readonly said: unknown[] = [];
      isOpen = true;
      constructor() {
        channels.push(this);
      }
      postMessage(message: unknown): void {
        this.said.push(message);
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
    { isOpen: false, said: ["to nobody"] },
    { isOpen: true, said: ["through the open one"] },
  ]);
  for (const stop of stops) stop();

  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false, false]);
});

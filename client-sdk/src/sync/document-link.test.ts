import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import type { ConnectionEnd } from "./document-connection.ts";

// Faked before any import: lib0 keeps the clock that it finds when it is loaded.
vi.useFakeTimers();
afterAll(() => void vi.useRealTimers());
const { createDoc } = await import("./create-doc.ts");
const { createDocumentLink } = await import("./document-link.ts");

/** A WebSocket that the test controls. */
class FakeSocket {
  static made: FakeSocket[] = [];
  readonly sent: unknown[] = [];
  onopen?: () => void;
  onmessage?: (event: { readonly data: Uint8Array }) => void;
  onclose?: (event: { readonly code: number }) => void;

  constructor() {
    FakeSocket.made.push(this);
  }

  send(bytes: unknown): void {
    this.sent.push(bytes);
  }

  close(): void {}
}

const createLink = () => {
  FakeSocket.made = [];
  const ends: Omit<ConnectionEnd, "key">[] = [];
  const link = createDocumentLink({
    url: "ws://localhost/sync",
    name: "user/1",
    doc: createDoc((count) => new Uint8Array(count).fill(1)),
    WebSocket: FakeSocket as unknown as typeof WebSocket,
    onOpen: () => {},
    onSynced: () => {},
    onClosed: (end) => ends.push(end),
    onInboxHint: () => {},
    onMessage: () => {},
  });
  onTestFinished(link.close);
  link.connect(["one"]);
  const [socket] = FakeSocket.made;
  if (!socket) throw new Error("No socket was created");
  return { link, socket, ends };
};

const FIVE_MINUTES = 300_000;

test("the provider does not reconnect by itself, whatever ended the connection", async () => {
  const { socket, ends } = createLink();
  socket.onopen?.();

  socket.onclose?.({ code: 1006 });
  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

  expect(FakeSocket.made.length).toBe(1);
  expect(ends).toEqual([{ code: 1006, wasOpen: true }]);
});

/** Step 1 of an empty document. */
const STEP_ONE = Uint8Array.of(0, 0, 1, 0);
/** Step 2 with an empty update, after which the document is synced. */
const STEP_TWO = Uint8Array.of(0, 1, 2, 0, 0);
const EMPTY_PRESENCE = Uint8Array.of(1, 1, 0);

test.each([
  ["the first sync", [STEP_ONE, STEP_TWO]],
  ["a later message", [STEP_ONE, STEP_TWO, EMPTY_PRESENCE]],
])(
  "a connection on which nothing more arrives after %s is closed, and stays closed",
  async (_what, frames) => {
    const { link, socket, ends } = createLink();
    socket.onopen?.();
    for (const data of frames) socket.onmessage?.({ data });

    await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

    expect(FakeSocket.made.length).toBe(1);
    expect(ends).toEqual([{ code: undefined, wasOpen: true }]);
    expect(link.state).toBe("closed");
  },
);

test.each([
  ["nothing", []],
  ["step 1", [STEP_ONE]],
  ["presence", [STEP_ONE, EMPTY_PRESENCE]],
])(
  "a connection whose first sync is large is left open when %s has arrived before it",
  async (_what, frames) => {
    const { link, socket, ends } = createLink();
    socket.onopen?.();
    for (const data of frames) socket.onmessage?.({ data });

    await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

    expect(ends).toEqual([]);
    expect(link.state).toBe("open");
  },
);

test("dropping a connection does not call onClosed", async () => {
  const { link, socket, ends } = createLink();
  socket.onopen?.();

  link.drop();
  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

  expect(ends).toEqual([]);
  expect(FakeSocket.made.length).toBe(1);
});

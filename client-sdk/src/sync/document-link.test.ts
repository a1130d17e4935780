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

test("a connection on which nothing more arrives is closed, and stays closed", async () => {
  const { link, socket, ends } = createLink();
  socket.onopen?.();
  // An empty presence frame.
  socket.onmessage?.({ data: Uint8Array.of(1, 1, 0) });

  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

  expect(FakeSocket.made.length).toBe(1);
  expect(ends).toEqual([{ code: undefined, wasOpen: true }]);
  expect(link.state).toBe("closed");
});

test("a connection whose first message is large, and has not arrived yet, is left open", async () => {
  const { link, socket, ends } = createLink();
  socket.onopen?.();

  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

  expect(ends).toEqual([]);
  expect(link.state).toBe("open");
});

test("dropping a connection does not call onClosed", async () => {
  const { link, socket, ends } = createLink();
  socket.onopen?.();

  link.drop();
  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);

  expect(ends).toEqual([]);
  expect(FakeSocket.made.length).toBe(1);
});

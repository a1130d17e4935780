import { expect, test } from "vitest";
import { createBarriers } from "./barriers.ts";

const createConnection = () => {
  const sent: number[] = [];
  const barriers = createBarriers((token) => sent.push(token));
  return { barriers, sent };
};

/** Lets the microtasks of this turn run. */
const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

/** Returns whether a promise has resolved. */
const isDone = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => (done = true));
  await turn();
  return done;
};

test("[SY38] sends a barrier only after the answer to the server's step 1", async () => {
  const { barriers, sent } = createConnection();
  const waiting = barriers.wait();
  await turn();
  const sentBefore = [...sent];

  barriers.answered();
  const sentWithTheAnswer = [...sent];
  await turn();
  barriers.returned(1);

  expect(sentBefore).toEqual([]);
  expect(sentWithTheAnswer).toEqual([]);
  expect(sent).toEqual([1]);
  await waiting;
});

test("[SY38] sends a barrier again after another step 1, and ignores the earlier one", async () => {
  const { barriers, sent } = createConnection();
  barriers.answered();
  const waiting = barriers.wait();
  await turn();

  barriers.answered();
  await turn();
  barriers.returned(1);

  expect(sent).toEqual([1, 2]);
  expect(await isDone(waiting)).toBe(false);
  barriers.returned(2);
  expect(await isDone(waiting)).toBe(true);
});

test("[SY38] sends a barrier that a lost connection took with it again, after the next handshake", async () => {
  const { barriers, sent } = createConnection();
  barriers.answered();
  const waiting = barriers.wait();
  await turn();

  barriers.lost();
  await turn();
  const sentWithoutConnection = sent.length;
  barriers.answered();
  await turn();

  expect(sentWithoutConnection).toBe(1);
  expect(sent).toEqual([1, 2]);
  barriers.returned(2);
  await waiting;
});

test("[SY38] never resolves a wait with a barrier that was sent before it", async () => {
  const { barriers } = createConnection();
  barriers.answered();
  const first = barriers.wait();
  await turn();
  const second = barriers.wait();

  barriers.returned(1);

  await first;
  expect(await isDone(second)).toBe(false);
});

test("closing rejects current and later waits", async () => {
  const { barriers } = createConnection();
  const waiting = barriers.wait();

  barriers.close(new Error("closed"));

  await expect(waiting).rejects.toThrow("closed");
  await expect(barriers.wait()).rejects.toThrow("closed");
});

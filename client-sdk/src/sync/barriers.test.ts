import { expect, test } from "vitest";
import { createBarriers } from "./barriers.ts";

const createConnection = () => {
  const sent: number[] = [];
  const barriers = createBarriers((token) => sent.push(token));
  return { barriers, sent };
};

/** What the microtasks of this turn do. */
const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

/** Whether a promise has come to its end. */
const isDone = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => (done = true));
  await turn();
  return done;
};

test("a barrier is sent behind the answer to the server's step 1, and not before", async () => {
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

test("another step 1 makes what was sent before it worthless", async () => {
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

test("what a lost connection took with it is sent again on the next, after its handshake", async () => {
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

test("a barrier that was begun later is not met by one that was sent before", async () => {
  const { barriers } = createConnection();
  barriers.answered();
  const first = barriers.wait();
  await turn();
  const second = barriers.wait();

  barriers.returned(1);

  await first;
  expect(await isDone(second)).toBe(false);
});

test("closing ends what waits and what comes after", async () => {
  const { barriers } = createConnection();
  const waiting = barriers.wait();

  barriers.close(new Error("closed"));

  await expect(waiting).rejects.toThrow("closed");
  await expect(barriers.wait()).rejects.toThrow("closed");
});

import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import type { EdVoyageError } from "../runtime/errors.ts";
import { createHttpCaller } from "./http-caller.ts";
import type { ServerApi } from "./server-api.ts";

const createManualClock = () => {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly task: () => void }>();
  return {
    now: () => now,
    after: (delayMs: number, task: () => void) => {
      const timer = { at: now + delayMs, task };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms: number) => {
      now += ms;
      for (const timer of Array.from(timers)) {
        if (timer.at > now || !timers.delete(timer)) continue;
        timer.task();
      }
    },
  };
};

const BODY = JSON.stringify({ result: { data: { items: [] } } });

/** A caller whose answers arrive as the test lets them. */
const createSlowCaller = ({ hasStreams = true } = {}) => {
  const clock = createManualClock();
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  let answer = (): void => {};
  const rpc = createHttpCaller({
    url: "https://api.example.org",
    clock,
    fetch: () =>
      new Promise((resolve) => {
        answer = () => {
          const body = new ReadableStream<Uint8Array>({ start: (controller) => void (stream = controller) });
          const response = new Response(body, { headers: { [SERVER_HEADER]: SERVER_HEADER_VALUE } });
          if (!hasStreams) Object.defineProperty(response, "body", { value: undefined });
          if (!hasStreams) Object.defineProperty(response, "text", { value: async () => BODY });
          resolve(response);
        };
      }),
  });
  return {
    clock,
    rpc,
    /** Lets the head of the answer arrive. */
    answer: () => answer(),
    /** Lets bytes arrive, and waits until they were read. */
    send: async (text: string) => {
      await settle();
      stream?.enqueue(new TextEncoder().encode(text));
      await settle();
    },
    end: () => stream?.close(),
  };
};

const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "answered",
    (error: EdVoyageError) => error.reason,
  );

test("waits for a slow answer while its bytes arrive, far longer than 30 seconds", async () => {
  const { clock, rpc, answer, send, end } = createSlowCaller();
  const called = rpc.sessions.list.query({});
  answer();

  for (const character of BODY.slice(0, -1)) {
    await send(character);
    clock.advance(4_000);
  }
  await send(BODY.slice(-1));
  end();

  expect(clock.now()).toBeGreaterThan(100_000);
  expect(await called).toEqual({ items: [] });
});

test("an answer that stops halfway is given up after 30 seconds without a byte", async () => {
  const { clock, rpc, answer, send } = createSlowCaller();
  const reason = reasonOf(rpc.sessions.list.query({}));
  answer();
  await send(BODY.slice(0, 5));
  clock.advance(29_000);
  await send(BODY.slice(5, 6));

  clock.advance(29_999);
  const before = await Promise.race([reason, settle().then(() => "waiting")]);
  clock.advance(1);

  expect(before).toBe("waiting");
  expect(await reason).toBe("offline");
});

test("an answer that drips without end is given up after five minutes", async () => {
  const { clock, rpc, answer, send } = createSlowCaller();
  const reason = reasonOf(rpc.sessions.list.query({}));
  answer();

  for (let second = 0; second < 300; second += 10) {
    await send(" ");
    clock.advance(10_000);
  }

  expect(await reason).toBe("offline");
});

test("a long request gets the time to leave on a slow line", async () => {
  const { clock, rpc, answer, send, end } = createSlowCaller();
  const large = { update: "A".repeat(200_000), stateVector: "AA==" };
  const called = rpc.documents.exchange.mutate(large);

  clock.advance(75_000);
  answer();
  await send(JSON.stringify({ result: { data: { update: "" } } }));
  end();

  expect(await called).toEqual({ update: "" });
});

test("reads answers on platforms without streams", async () => {
  const { rpc, answer } = createSlowCaller({ hasStreams: false });
  const called = rpc.sessions.list.query({});

  answer();

  expect(await called).toEqual({ items: [] });
});

test.each([
  ["a query", 120_000, (rpc: ServerApi) => rpc.sessions.list.query({})],
  ["a command, whose answer is short,", 30_000, (rpc: ServerApi) => rpc.sessions.revokeOthers.mutate()],
] as const)(
  "where an answer shows no bytes before its end, %s is given up after %i ms",
  async (_what, limitMs, call) => {
    // React Native's.
    vi.stubGlobal("Response", class {});
    onTestFinished(() => void vi.unstubAllGlobals());
    const { clock, rpc } = createSlowCaller({ hasStreams: false });
    const reason = reasonOf(call(rpc));

    clock.advance(limitMs - 1);
    const before = await Promise.race([reason, settle().then(() => "waiting")]);
    clock.advance(1);

    expect(before).toBe("waiting");
    expect(await reason).toBe("offline");
  },
);

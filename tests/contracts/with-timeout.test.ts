import { getEventListeners } from "node:events";
import { withTimeout } from "@edvoyage/protocol";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { collectGarbage } from "../support/garbage.ts";
import { startLoopbackPeer, type Silence } from "../support/fakes/loopback-peer.ts";

const SILENCES: readonly Silence[] = ["says nothing", "sends headers and no body"];
/** The timeout of a request to a silent peer in these tests. */
const TIMEOUT_MS = 200;
/** Generous: a request that hangs exceeds it, a slow machine does not. */
const WATCHDOG_MS = 20_000;

const never = (): Promise<never> => new Promise(() => {});

const useFakeTimers = (): void => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
};

/** Records how a promise ends, without waiting for it. */
const watch = (promise: Promise<unknown>) => {
  const seen: { value?: unknown; error?: unknown } = {};
  const ended = promise.then(
    (value) => void (seen.value = value),
    (error: unknown) => void (seen.error = error),
  );
  return { seen, ended };
};

describe("work with a timeout", () => {
  test("rejects with a TimeoutError at the timeout and not before, and aborts the work", async () => {
    useFakeTimers();
    const signals: AbortSignal[] = [];
    const { seen, ended } = watch(
      withTimeout({ timeoutMs: 1_000 }, (signal) => {
        signals.push(signal);
        return never();
      }),
    );

    await vi.advanceTimersByTimeAsync(999);
    expect(seen).toEqual({});
    expect(signals).toMatchObject([{ aborted: false }]);
    await vi.advanceTimersByTimeAsync(1);
    await ended;

    expect(seen.error).toMatchObject({ name: "TimeoutError" });
    expect(signals).toMatchObject([{ aborted: true, reason: seen.error }]);
  });

  test("rejects with the outer signal's reason, and aborts the work", async () => {
    const outer = new AbortController();
    const signals: AbortSignal[] = [];
    const { seen, ended } = watch(
      withTimeout({ timeoutMs: WATCHDOG_MS, signal: outer.signal }, (signal) => {
        signals.push(signal);
        return never();
      }),
    );

    outer.abort("closing");
    await ended;

    expect(seen).toEqual({ error: "closing" });
    expect(signals).toMatchObject([{ aborted: true, reason: "closing" }]);
  });

  test("never starts when the outer signal is already aborted", async () => {
    const work = vi.fn<() => Promise<void>>(async () => {});

    const running = withTimeout({ timeoutMs: 1_000, signal: AbortSignal.abort("closed") }, work);

    await expect(running).rejects.toBe("closed");
    expect(work).not.toHaveBeenCalled();
  });

  test("rejects even if the work resolves because of the abort", async () => {
    const outer = new AbortController();
    const { seen, ended } = watch(
      withTimeout(
        { timeoutMs: WATCHDOG_MS, signal: outer.signal },
        (signal) =>
          new Promise<string>((resolve) => {
            signal.addEventListener("abort", () => resolve("half an answer"));
          }),
      ),
    );

    outer.abort("closing");
    await ended;

    expect(seen).toEqual({ error: "closing" });
  });

  test("leaves no timer and no listener on a long-lived signal, however 1,000 calls end", async () => {
    useFakeTimers();
    const { signal } = new AbortController();
    const calls = Array.from({ length: 1_000 }, (_, index) =>
      withTimeout({ timeoutMs: 1_000, signal }, async () => {
        if (index % 4 === 0) return index;
        if (index % 4 === 1) throw new Error("refused");
        if (index % 4 === 2) await Promise.resolve();
        return index % 4 === 3 ? never() : index;
      }),
    );
    expect(getEventListeners(signal, "abort")).toHaveLength(1_000);

    const [ended] = await Promise.all([Promise.allSettled(calls), vi.advanceTimersByTimeAsync(1_000)]);

    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(500);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves nothing on the outer signal when the work throws before its first promise", async () => {
    useFakeTimers();
    const { signal } = new AbortController();

    const running = withTimeout({ timeoutMs: 1_000, signal }, () => {
      throw new Error("not even started");
    });

    await expect(running).rejects.toThrow("not even started");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe.each(SILENCES)("with a peer that %s", (silence) => {
    const readFrom = (url: string) => async (signal: AbortSignal) => (await fetch(url, { signal })).text();

    test(
      "times out while garbage is collected",
      async () => {
        const { url } = await startLoopbackPeer(() => ({ silence }));
        const { signal } = new AbortController();
        collectGarbage();

        const running = withTimeout({ timeoutMs: TIMEOUT_MS, signal }, readFrom(url));

        await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
      },
      WATCHDOG_MS,
    );

    test(
      "ends with the outer signal while garbage is collected",
      async () => {
        const { url } = await startLoopbackPeer(() => ({ silence }));
        const outer = new AbortController();
        collectGarbage();
        const timer = setTimeout(() => outer.abort("closing"), TIMEOUT_MS);
        onTestFinished(() => clearTimeout(timer));

        const running = withTimeout({ timeoutMs: 2 * WATCHDOG_MS, signal: outer.signal }, readFrom(url));

        await expect(running).rejects.toBe("closing");
      },
      WATCHDOG_MS,
    );
  });
});

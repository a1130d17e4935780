import type { Peers } from "./storage.ts";

/** How often a tab that is looked at asks whether the one that has what it waits for is still there. */
const ASK_MS = 5_000;
/** Questions without an answer after which a tab counts as standing still. */
const MAX_UNANSWERED = 2;

/** What tabs say of names that one of them has; topics are strings. */
type Word = { readonly asks: string } | { readonly has: string };

/**
 * What tabs of one origin say to each other; looks for BroadcastChannel and Web Locks when they are needed first.
 * Where the browser lacks one of them, as a page without HTTPS lacks locks, each tab hears nobody, or gets what it
 * wants to take.
 *
 * A phone lets pages that are not looked at stand still, and what they have taken with them: Safari on iOS so keeps the
 * locks of a tab in the background. A tab that is looked at takes a name from one that does not say that it is there.
 * If it was only slow, two tabs send for a moment: a command takes effect once, however often it arrives.
 */
export const createBrowserPeers = (prefix: string): Peers => {
  const listeners = new Set<(said: string | Word) => void>();
  let channel: BroadcastChannel | undefined;

  const openChannel = (): BroadcastChannel | undefined => {
    if (typeof BroadcastChannel === "undefined") return undefined;
    const opened = new BroadcastChannel(prefix);
    opened.onmessage = ({ data }: MessageEvent<string | Word>) => {
      for (const listener of listeners) listener(data);
    };
    return opened;
  };
  // What is said goes through the channel that is listened to, for that alone does not hear it.
  const closeUnheard = (): void => {
    if (listeners.size > 0) return;
    channel?.close();
    channel = undefined;
  };
  const say = (said: string | Word): void => {
    channel ??= openChannel();
    channel?.postMessage(said);
    closeUnheard();
  };
  const hear = (listener: (said: string | Word) => void): (() => void) => {
    // One function may listen twice.
    const heard = (said: string | Word): void => listener(said);
    listeners.add(heard);
    channel ??= openChannel();
    return () => {
      listeners.delete(heard);
      closeUnheard();
    };
  };

  /** Calls once when whoever has the name does not answer. */
  const watchHolder = (name: string, standsStill: () => void): (() => void) => {
    let unanswered = 0;
    const stopHearing = hear((said) => {
      if (typeof said !== "string" && "has" in said && said.has === name) unanswered = 0;
    });
    const interval = setInterval(() => {
      if (!channel || !isLookedAt()) return void (unanswered = 0);
      if (unanswered >= MAX_UNANSWERED) {
        stop();
        return standsStill();
      }
      unanswered += 1;
      say({ asks: name });
    }, ASK_MS);
    const stop = (): void => {
      clearInterval(interval);
      stopHearing();
    };
    return stop;
  };

  /** Waits for the name once, and has it until it is given back or lost. */
  const holdOnce = async (
    name: string,
    { taken, over }: { readonly taken: (lost: AbortSignal) => void; readonly over: AbortSignal },
  ): Promise<void> => {
    const lost = new AbortController();
    const hold = async (): Promise<void> => {
      stopWatching();
      if (over.aborted) return;
      const stopAnswering = hear((said) => {
        if (typeof said !== "string" && "asks" in said && said.asks === name) say({ has: name });
      });
      lost.signal.addEventListener("abort", stopAnswering);
      taken(lost.signal);
      await isAborted(over);
      stopAnswering();
    };
    const lockName = `${prefix}/${name}`;
    const waiting = new AbortController();
    over.addEventListener("abort", () => waiting.abort());
    let stolen: Promise<void> | undefined;
    const stopWatching = watchHolder(name, () => {
      stolen = requestLock(lockName, { steal: true }, hold);
      waiting.abort();
    });
    try {
      await requestLock(lockName, { signal: waiting.signal }, hold).catch(async (error: unknown) => {
        if (!stolen) throw error;
        await stolen;
      });
    } catch (error) {
      if (nameOf(error) !== "AbortError") throw error;
    } finally {
      stopWatching();
      lost.abort();
    }
  };

  return {
    broadcast: say,
    subscribe: (listener) =>
      hear((said) => {
        if (typeof said === "string") listener(said);
      }),
    acquire: (name, taken) => {
      const over = new AbortController();
      const { signal } = over;
      const hold = async (): Promise<void> => {
        while (!signal.aborted) await holdOnce(name, { taken, over: signal });
      };
      void hold();
      return () => over.abort();
    },
  };
};

const isLookedAt = (): boolean => typeof document === "undefined" || document.visibilityState === "visible";

const isAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

const requestLock = async (name: string, options: LockOptions, hold: () => Promise<void>): Promise<void> => {
  // The types know no browser without locks, and no page without HTTPS.
  const locks: LockManager | undefined = typeof navigator === "undefined" ? undefined : navigator.locks;
  await (locks ? locks.request(name, options, hold) : Promise.resolve().then(hold));
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

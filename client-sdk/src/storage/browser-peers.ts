import type { Peers } from "./storage.ts";

/** How often a visible tab asks whether the holder of the name that it waits for still responds. */
const ASK_MS = 5_000;
/** A holder that has left this many questions unanswered counts as suspended. */
const MAX_UNANSWERED = 2;

/** A message between tabs about the holder of a name. Topics are strings instead. */
type HolderMessage = { readonly asks: string } | { readonly has: string };

/**
 * Lets the tabs of one origin talk to each other. Looks for BroadcastChannel and Web Locks on first use.
 * Without BroadcastChannel a tab hears nobody. Without Web Locks, as on a page without HTTPS, a tab gets every name that
 * it asks for.
 *
 * A phone suspends hidden pages, and they keep what they hold: Safari on iOS keeps the locks of a tab in the background.
 * A visible tab therefore takes a name from a holder that does not answer. If that holder was only slow, two tabs send
 * for a moment. That is harmless: a command takes effect once, however often it arrives.
 */
export const createBrowserPeers = (prefix: string): Peers => {
  const listeners = new Set<(message: string | HolderMessage) => void>();
  let channel: BroadcastChannel | undefined;

  const openChannel = (): BroadcastChannel | undefined => {
    if (typeof BroadcastChannel === "undefined") return undefined;
    const opened = new BroadcastChannel(prefix);
    opened.onmessage = ({ data }: MessageEvent<string | HolderMessage>) => {
      for (const listener of listeners) listener(data);
    };
    return opened;
  };
  // Sending uses the channel that listens, because a channel does not hear its own messages.
  const closeUnused = (): void => {
    if (listeners.size > 0) return;
    channel?.close();
    channel = undefined;
  };
  const send = (message: string | HolderMessage): void => {
    channel ??= openChannel();
    channel?.postMessage(message);
    closeUnused();
  };
  const listen = (listener: (message: string | HolderMessage) => void): (() => void) => {
    // The same function may subscribe twice.
    const wrapped = (message: string | HolderMessage): void => listener(message);
    listeners.add(wrapped);
    channel ??= openChannel();
    return () => {
      listeners.delete(wrapped);
      closeUnused();
    };
  };

  /** Calls `onSuspended` once when the holder of the name does not answer. */
  const watchHolder = (name: string, onSuspended: () => void): (() => void) => {
    let unanswered = 0;
    const stopListening = listen((message) => {
      if (typeof message !== "string" && "has" in message && message.has === name) unanswered = 0;
    });
    const interval = setInterval(() => {
      if (!channel || !isVisible()) return void (unanswered = 0);
      if (unanswered >= MAX_UNANSWERED) {
        stop();
        return onSuspended();
      }
      unanswered += 1;
      send({ asks: name });
    }, ASK_MS);
    const stop = (): void => {
      clearInterval(interval);
      stopListening();
    };
    return stop;
  };

  /** Waits for the name once, and holds it until it is given back or lost. */
  const holdOnce = async (
    name: string,
    {
      onAcquired,
      givenBack,
    }: { readonly onAcquired: (lost: AbortSignal) => void; readonly givenBack: AbortSignal },
  ): Promise<void> => {
    const lost = new AbortController();
    const hold = async (): Promise<void> => {
      stopWatching();
      if (givenBack.aborted) return;
      const stopAnswering = listen((message) => {
        if (typeof message !== "string" && "asks" in message && message.asks === name) send({ has: name });
      });
      lost.signal.addEventListener("abort", stopAnswering);
      onAcquired(lost.signal);
      await untilAborted(givenBack);
      stopAnswering();
    };
    const lockName = `${prefix}/${name}`;
    const waiting = new AbortController();
    givenBack.addEventListener("abort", () => waiting.abort());
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
    isHidden: () => !isVisible(),
    broadcast: send,
    subscribe: (listener) =>
      listen((message) => {
        if (typeof message === "string") listener(message);
      }),
    acquire: (name, onAcquired) => {
      const givenBack = new AbortController();
      const { signal } = givenBack;
      const hold = async (): Promise<void> => {
        while (!signal.aborted) await holdOnce(name, { onAcquired, givenBack: signal });
      };
      void hold();
      return () => givenBack.abort();
    },
  };
};

const isVisible = (): boolean => typeof document === "undefined" || document.visibilityState === "visible";

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

const requestLock = async (name: string, options: LockOptions, hold: () => Promise<void>): Promise<void> => {
  // The types say that every browser has locks; a page without HTTPS has none.
  const locks: LockManager | undefined = typeof navigator === "undefined" ? undefined : navigator.locks;
  await (locks ? locks.request(name, options, hold) : Promise.resolve().then(hold));
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

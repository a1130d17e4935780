import type { Peers } from "./storage.ts";

/**
 * What tabs of one origin say to each other; looks for BroadcastChannel and Web Locks when they are needed first.
 * Where the browser lacks one of them, as a page without HTTPS lacks locks, each tab hears nobody, or gets what it
 * wants to take.
 */
export const createBrowserPeers = (prefix: string): Peers => {
  const listeners = new Set<(topic: string) => void>();
  let channel: BroadcastChannel | undefined;

  const openChannel = (): BroadcastChannel | undefined => {
    if (typeof BroadcastChannel === "undefined") return undefined;
    const opened = new BroadcastChannel(prefix);
    opened.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") for (const listener of listeners) listener(data);
    };
    return opened;
  };
  // What is said goes through the channel that is listened to, for that alone does not hear it.
  const closeUnheard = (): void => {
    if (listeners.size > 0) return;
    channel?.close();
    channel = undefined;
  };

  return {
    tell: (topic) => {
      channel ??= openChannel();
      channel?.postMessage(topic);
      closeUnheard();
    },
    hear: (listener) => {
      // One function may listen twice.
      const heard = (topic: string): void => listener(topic);
      listeners.add(heard);
      channel ??= openChannel();
      return () => {
        listeners.delete(heard);
        closeUnheard();
      };
    },
    take: (name, taken) => {
      const waiting = new AbortController();
      const { signal } = waiting;
      const isGivenBack = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      const hold = async (): Promise<void> => {
        if (signal.aborted) return;
        taken();
        await isGivenBack;
      };
      requestLock({ name: `${prefix}/${name}`, signal, hold }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return () => waiting.abort();
    },
  };
};

const requestLock = async ({
  name,
  signal,
  hold,
}: {
  readonly name: string;
  readonly signal: AbortSignal;
  readonly hold: () => Promise<void>;
}): Promise<void> => {
  // The types know no browser without locks, and no page without HTTPS.
  const locks: LockManager | undefined = typeof navigator === "undefined" ? undefined : navigator.locks;
  await (locks ? locks.request(name, { signal }, hold) : Promise.resolve().then(hold));
};

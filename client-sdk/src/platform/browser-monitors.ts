import type { AppState, Network } from "../runtime/network.ts";

/** What the browser says of its network (`navigator.onLine`); online where there is no browser. */
export const browserNetwork = (): Network => ({
  isOnline: () => typeof navigator === "undefined" || navigator.onLine !== false,
  subscribe: (listener) => listen({ ofWindow: ["online", "offline"], ofDocument: [] }, listener),
});

/** Whether the tab is in front; active where there is no browser. */
export const browserAppState = (): AppState => ({
  isActive: () => typeof document === "undefined" || document.visibilityState !== "hidden",
  // A page that comes back from the back-forward cache was not hidden in between for every browser.
  subscribe: (listener) => listen({ ofWindow: ["pageshow"], ofDocument: ["visibilitychange"] }, listener),
});

interface Events {
  readonly ofWindow: readonly string[];
  readonly ofDocument: readonly string[];
}

const listen = ({ ofWindow, ofDocument }: Events, listener: () => void): (() => void) => {
  if (typeof window === "undefined" || typeof document === "undefined") return () => {};
  // One function may listen twice.
  const heard = (): void => listener();
  for (const event of ofWindow) window.addEventListener(event, heard);
  for (const event of ofDocument) document.addEventListener(event, heard);
  return () => {
    for (const event of ofWindow) window.removeEventListener(event, heard);
    for (const event of ofDocument) document.removeEventListener(event, heard);
  };
};

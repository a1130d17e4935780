import type { AppState, Network } from "../runtime/network.ts";
import { createOriginCheck } from "./refused-origin.ts";

/** Creates a network monitor from the browser's `navigator.onLine`; always online where there is no browser. */
export const browserNetwork = (): Network => ({
  isOnline: () => typeof navigator === "undefined" || navigator.onLine !== false,
  subscribe: (listener) => listen({ ofWindow: ["online", "offline"], ofDocument: [] }, listener),
  isOriginRefused: createOriginCheck(),
});

/** Creates a monitor of whether the tab is visible; always active where there is no browser. */
export const browserAppState = (): AppState => ({
  isActive: () => typeof document === "undefined" || document.visibilityState !== "hidden",
  // Some browsers restore a page from the back-forward cache without reporting that it was hidden.
  subscribe: (listener) => listen({ ofWindow: ["pageshow"], ofDocument: ["visibilitychange"] }, listener),
});

interface Events {
  readonly ofWindow: readonly string[];
  readonly ofDocument: readonly string[];
}

const listen = ({ ofWindow, ofDocument }: Events, listener: () => void): (() => void) => {
  if (typeof window === "undefined" || typeof document === "undefined") return () => {};
  // A new function for each subscription, so that one listener may subscribe twice.
  const heard = (): void => listener();
  for (const event of ofWindow) window.addEventListener(event, heard);
  for (const event of ofDocument) document.addEventListener(event, heard);
  return () => {
    for (const event of ofWindow) window.removeEventListener(event, heard);
    for (const event of ofDocument) document.removeEventListener(event, heard);
  };
};

import { afterEach, describe, expect, test, vi } from "vitest";
import { browserAppState, browserNetwork } from "./browser-monitors.ts";

afterEach(() => void vi.unstubAllGlobals());

const stubBrowser = () => {
  const navigator = { onLine: true };
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("navigator", navigator);
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", document);
  return { navigator, window, document };
};

describe("browserNetwork", () => {
  test("reports what the browser says and calls listeners until they unsubscribe", () => {
    const { navigator, window } = stubBrowser();
    const network = browserNetwork();
    const seen: boolean[] = [];
    const stop = network.subscribe(() => seen.push(network.isOnline()));

    navigator.onLine = false;
    window.dispatchEvent(new Event("offline"));
    navigator.onLine = true;
    window.dispatchEvent(new Event("online"));
    stop();
    window.dispatchEvent(new Event("offline"));

    expect(seen).toEqual([false, true]);
  });

  test("reports online where there is no browser", () => {
    vi.stubGlobal("navigator", undefined);
    const network = browserNetwork();

    expect(network.isOnline()).toBe(true);
    network.subscribe(() => expect.fail("nothing happens here"))();
  });
});

describe("browserAppState", () => {
  test("reports what the document says and calls listeners until they unsubscribe", () => {
    const { window, document } = stubBrowser();
    const appState = browserAppState();
    const seen: boolean[] = [];
    const stop = appState.subscribe(() => seen.push(appState.isActive()));

    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    document.visibilityState = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new Event("pageshow"));
    stop();
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new Event("pageshow"));

    expect(seen).toEqual([false, true, true]);
  });

  test("reports active where there is no browser", () => {
    const appState = browserAppState();

    expect(appState.isActive()).toBe(true);
    appState.subscribe(() => expect.fail("nothing happens here"))();
  });

  test("calls a listener once per subscription and removes each subscription alone", () => {
    const { document } = stubBrowser();
    const listener = vi.fn<() => void>();
    const stop = browserAppState().subscribe(listener);
    browserAppState().subscribe(listener);

    stop();
    document.dispatchEvent(new Event("visibilitychange"));

    expect(listener).toHaveBeenCalledTimes(1);
  });
});

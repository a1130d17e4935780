import { describe, expect, test } from "vitest";
import {
  createNetInfoNetwork,
  createReactNativeAppState,
  type NetInfoState,
} from "./react-native-monitors.ts";

const createFakeNetInfo = () => {
  const listeners = new Set<(state: NetInfoState) => void>();
  return {
    listeners,
    say: (isConnected: boolean | null) => {
      for (const listener of listeners) listener({ isConnected });
    },
    addEventListener: (listener: (state: NetInfoState) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

describe("createNetInfoNetwork", () => {
  test("reports online until the phone says otherwise, and calls listeners only for changes", () => {
    const netInfo = createFakeNetInfo();
    const network = createNetInfoNetwork(netInfo);
    const seen: boolean[] = [];
    expect(network.isOnline()).toBe(true);
    network.subscribe(() => seen.push(network.isOnline()));

    for (const isConnected of [null, true, false, false, null, true]) netInfo.say(isConnected);

    expect(seen).toEqual([false, true]);
  });

  test("subscribes to the phone once, and only while it has listeners", () => {
    const netInfo = createFakeNetInfo();
    const network = createNetInfoNetwork(netInfo);
    const asked = [netInfo.listeners.size];

    const stops = [network.subscribe(() => {}), network.subscribe(() => {})];
    asked.push(netInfo.listeners.size);
    netInfo.say(false);
    for (const stop of stops) {
      stop();
      asked.push(netInfo.listeners.size);
    }

    expect(asked).toEqual([0, 1, 1, 0]);
    expect(network.isOnline()).toBe(true);
  });
});

describe("createReactNativeAppState", () => {
  test.each([
    ["active", true],
    ["inactive", true],
    ["unknown", true],
    [null, true],
    ["background", false],
  ])("maps the app state %s to isActive %s", (currentState, isActive) => {
    const appState = createReactNativeAppState({ currentState, addEventListener: () => ({ remove() {} }) });

    expect(appState.isActive()).toBe(isActive);
  });

  test("calls listeners for changes until they unsubscribe", () => {
    const listeners = new Set<() => void>();
    const appState = createReactNativeAppState({
      currentState: "active",
      addEventListener: (_type, listener) => {
        listeners.add(listener);
        return { remove: () => void listeners.delete(listener) };
      },
    });
    let changes = 0;
    const stop = appState.subscribe(() => (changes += 1));

    for (const listener of listeners) listener();
    stop();
    for (const listener of listeners) listener();

    expect(changes).toBe(1);
  });
});

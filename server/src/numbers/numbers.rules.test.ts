import { defaultLimits as limits } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS } from "../clock.ts";
import { judgeStanding, type NumberFacts, type SignedInDevice, type WrongCode } from "./numbers.rules.ts";

const NOW = 1_800_000_000_000;

/** Sign-ins of `count` devices, `device-1` the newest, one a minute. */
const signIns = (count: number, newestAt = NOW): SignedInDevice[] =>
  Array.from({ length: count }, (_, index) => ({
    device_key: `device-${index + 1}`,
    signed_in_at: newestAt - index * 60_000,
  }));

const wrongCodes = (count: number, wrong: Partial<WrongCode>): WrongCode[] =>
  Array.from({ length: count }, (_, index) => ({
    device_key: "device-1",
    at: NOW - (count - index) * 60_000,
    code_length: 6,
    known: 0,
    counts_to_block: 0,
    ...wrong,
  }));

const factsOf = (deviceKey: string, facts: Partial<NumberFacts> = {}): NumberFacts => ({
  deviceKey,
  newestSignIns: signIns(10),
  blockedUntil: null,
  wrongCodes: [],
  ...facts,
});

describe("a device known to a phone", () => {
  test.each<{ readonly case: string; readonly facts: NumberFacts; readonly isKnown: boolean }>([
    { case: "that never signed in", facts: factsOf("stranger"), isKnown: false },
    { case: "that signed in last", facts: factsOf("device-1"), isKnown: true },
    { case: "after whose sign-in nine others signed in", facts: factsOf("device-10"), isKnown: true },
    {
      case: "after whose sign-in ten others signed in",
      facts: factsOf("device-11", { newestSignIns: signIns(11) }),
      isKnown: false,
    },
    {
      case: "of 118, the eleventh",
      facts: factsOf("device-11", { newestSignIns: signIns(118) }),
      isKnown: false,
    },
    {
      case: "whose sign-in is 180 days old but for a millisecond",
      facts: factsOf("device-1", { newestSignIns: signIns(1, NOW - 180 * DAY_MS + 1) }),
      isKnown: true,
    },
    {
      case: "whose sign-in is 180 days old",
      facts: factsOf("device-1", { newestSignIns: signIns(1, NOW - 180 * DAY_MS) }),
      isKnown: false,
    },
    {
      case: "that gave 29 wrong codes",
      facts: factsOf("device-1", { wrongCodes: wrongCodes(29, { known: 1 }) }),
      isKnown: true,
    },
    {
      case: "that gave 30 wrong codes",
      facts: factsOf("device-1", { wrongCodes: wrongCodes(30, { known: 1 }) }),
      isKnown: false,
    },
    {
      case: "when another known device gave 30 wrong codes",
      facts: factsOf("device-2", { wrongCodes: wrongCodes(30, { known: 1 }) }),
      isKnown: true,
    },
  ])("the device $case is known: $isKnown", ({ facts, isKnown }) => {
    expect(judgeStanding(facts, NOW, limits).isKnown).toBe(isKnown);
  });

  test("the eleventh device answers to the strangers' budget of wrong codes", () => {
    const spent = wrongCodes(9, { device_key: "stranger" });
    const standingOf = (deviceKey: string) =>
      judgeStanding(factsOf(deviceKey, { newestSignIns: signIns(11), wrongCodes: spent }), NOW, limits);

    expect(standingOf("device-10")).toMatchObject({ isKnown: true, codeLength: 6 });
    expect(standingOf("device-11")).toMatchObject({ isKnown: false, codeLength: 8 });
  });
});

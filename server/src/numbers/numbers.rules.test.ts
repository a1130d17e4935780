import { defaultLimits as limits } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS } from "../platform/clock.ts";
import {
  createNumberFacts,
  createWrongCodes,
  decide,
  IDLE,
  newChallengeId,
  NOW,
} from "./number-facts.test.shared.ts";
import {
  judgeMessages,
  judgeDevice,
  type NumberFacts,
  type Send,
  type SendDecision,
  type SendLoad,
  type SignedInDevice,
  type WrongCode,
} from "./numbers.rules.ts";

/** Returns sign-ins of `count` devices, one a minute; that of `device-1` is the newest. */
const signIns = (count: number, newestAt = NOW): SignedInDevice[] =>
  Array.from({ length: count }, (_, index) => ({
    device_key: `device-${index + 1}`,
    signed_in_at: newestAt - index * 60_000,
  }));

const wrongCodes = (count: number, wrong: Partial<WrongCode>): WrongCode[] =>
  createWrongCodes(count, { device_key: "device-1", newestAgoMs: 60_000, everyMs: 60_000, ...wrong });

const factsOf = (deviceKey: string, facts: Partial<NumberFacts> = {}): NumberFacts =>
  createNumberFacts({ deviceKey, newestSignIns: signIns(10), ...facts });

describe("a device's status at its phone", () => {
  test.each<readonly [string, { readonly facts: NumberFacts; readonly isKnown: boolean }]>([
    ["that never signed in", { facts: factsOf("stranger"), isKnown: false }],
    ["that signed in last", { facts: factsOf("device-1"), isKnown: true }],
    ["that signed in before nine others", { facts: factsOf("device-10"), isKnown: true }],
    [
      "that signed in before ten others",
      {
        facts: factsOf("device-11", { newestSignIns: signIns(11) }),
        isKnown: false,
      },
    ],
    [
      "that signed in eleventh-last of 118",
      {
        facts: factsOf("device-11", { newestSignIns: signIns(118) }),
        isKnown: false,
      },
    ],
    [
      "that signed in one millisecond less than 180 days ago",
      {
        facts: factsOf("device-1", { newestSignIns: signIns(1, NOW - 180 * DAY_MS + 1) }),
        isKnown: true,
      },
    ],
    [
      "that signed in 180 days ago",
      {
        facts: factsOf("device-1", { newestSignIns: signIns(1, NOW - 180 * DAY_MS) }),
        isKnown: false,
      },
    ],
    [
      "that gave 29 wrong codes",
      {
        facts: factsOf("device-1", { wrongCodes: wrongCodes(29, { known: 1 }) }),
        isKnown: true,
      },
    ],
    [
      "that gave 30 wrong codes",
      {
        facts: factsOf("device-1", { wrongCodes: wrongCodes(30, { known: 1 }) }),
        isKnown: false,
      },
    ],
    [
      "while another known device has given 30 wrong codes",
      {
        facts: factsOf("device-2", { wrongCodes: wrongCodes(30, { known: 1 }) }),
        isKnown: true,
      },
    ],
  ])("[SI19] [SI20] tells whether a device is known: one %s", (_case, { facts, isKnown }) => {
    expect(judgeDevice(facts, NOW, limits).isKnown).toBe(isKnown);
  });

  test("[SI17] [SI19] counts the eleventh device as a stranger in the budget of wrong codes", () => {
    const spent = wrongCodes(9, { device_key: "stranger" });
    const statusOf = (deviceKey: string) =>
      judgeDevice(factsOf(deviceKey, { newestSignIns: signIns(11), wrongCodes: spent }), NOW, limits);

    expect(statusOf("device-10")).toMatchObject({ isKnown: true, codeLength: 6 });
    expect(statusOf("device-11")).toMatchObject({ isKnown: false, codeLength: 8 });
  });
});

/** Returns messages of `count` challenges to as many devices, a minute apart, the last at `lastAt`; oldest first. */
const sendsOf = (count: number, send: Partial<Send> & { readonly lastAt?: number } = {}): Send[] => {
  const { lastAt = NOW, ...rest } = send;
  return Array.from({ length: count }, (_, index) => ({
    device_key: `device-${index + 1}`,
    challenge_id: newChallengeId(),
    ip: `198.51.100.${index + 1}`,
    at: lastAt - (count - 1 - index) * 60_000,
    known: 0,
    from_reserve: 0,
    state: "counted",
    ...rest,
  }));
};

describe("decideSend", () => {
  const MINUTE = 60_000;
  const known = { known: 1 } as const;
  test.each<
    readonly [
      string,
      {
        readonly sends: readonly Send[];
        readonly toStranger: SendDecision["state"];
        readonly toKnown: SendDecision["state"];
      },
    ]
  >([
    ["without messages", { sends: [], toStranger: "send", toKnown: "send" }],
    ["with 9 messages to strangers", { sends: sendsOf(9), toStranger: "send", toKnown: "send" }],
    ["with 10 messages to strangers", { sends: sendsOf(10), toStranger: "throttled", toKnown: "send" }],
    [
      "with 14 messages to known devices",
      {
        sends: sendsOf(14, known),
        toStranger: "send",
        toKnown: "send",
      },
    ],
    [
      "with 15 messages to known devices",
      {
        sends: sendsOf(15, known),
        toStranger: "send",
        toKnown: "throttled",
      },
    ],
    [
      "with 10 messages to strangers and 15 to known devices",
      {
        sends: [...sendsOf(10), ...sendsOf(15, known)],
        toStranger: "throttled",
        toKnown: "throttled",
      },
    ],
    [
      "with 10 messages to strangers and 15 to known devices, all given back",
      {
        sends: [...sendsOf(10, { state: "signed-in" }), ...sendsOf(15, { ...known, state: "signed-in" })],
        toStranger: "send",
        toKnown: "send",
      },
    ],
    [
      "with 15 messages to known devices, the first of them 24 hours ago",
      {
        sends: sendsOf(15, { ...known, lastAt: NOW - DAY_MS + 14 * MINUTE }),
        toStranger: "send",
        toKnown: "send",
      },
    ],
    [
      "with 15 messages to known devices, the first of them one millisecond less than 24 hours ago",
      {
        sends: sendsOf(15, { ...known, lastAt: NOW - DAY_MS + 14 * MINUTE + 1 }),
        toStranger: "send",
        toKnown: "throttled",
      },
    ],
  ])(
    "[SI24] [SI25] decides for a stranger and a known device of a phone %s",
    (_case, { sends, toStranger, toKnown }) => {
      expect(decide(sends, { isKnown: false }).state).toBe(toStranger);
      expect(decide(sends, { isKnown: true }).state).toBe(toKnown);
    },
  );
});

describe("judgeMessages", () => {
  const signedIn = { state: "signed-in" } as const;
  test.each<
    readonly [
      string,
      { readonly sends: readonly Send[]; readonly ofDay: number; readonly spentUntil: number | null },
    ]
  >([
    ["no sign-in given back", { sends: sendsOf(20), ofDay: 0, spentUntil: null }],
    ["nine given back", { sends: sendsOf(9, signedIn), ofDay: 9, spentUntil: null }],
    [
      "ten given back",
      {
        sends: sendsOf(10, signedIn),
        ofDay: 10,
        spentUntil: NOW - 9 * 60_000 + DAY_MS,
      },
    ],
    [
      "ten given back, the first of them 24 hours ago",
      {
        sends: sendsOf(10, { ...signedIn, lastAt: NOW - DAY_MS + 9 * 60_000 }),
        ofDay: 9,
        spentUntil: null,
      },
    ],
    [
      "three given back, of four messages each",
      {
        sends: [1, 2, 3].flatMap(() => sendsOf(4, { ...signedIn, challenge_id: newChallengeId() })),
        ofDay: 3,
        spentUntil: null,
      },
    ],
    [
      "ten given back, five of them of known devices",
      {
        sends: [
          ...sendsOf(5, { ...signedIn, lastAt: NOW - 5 * 60_000 }),
          ...sendsOf(5, { ...signedIn, known: 1 }),
        ],
        ofDay: 10,
        spentUntil: NOW - 9 * 60_000 + DAY_MS,
      },
    ],
  ])("[SI26] counts the sign-ins that were given back: %s", (_case, { sends, ofDay, spentUntil }) => {
    expect(judgeMessages(sends, NOW, limits)).toMatchObject({
      signInsGivenBackOfDay: ofDay,
      giveBackSpentUntil: spentUntil,
    });
  });
});

describe("the hourly cap of messages", () => {
  const HOUR_MS = 3_600_000;
  /** Returns a load of `count` messages in this hour, the first of them half an hour ago. */
  const loaded = (count: number): SendLoad => ({
    ...IDLE,
    ofAll: { count, oldestAt: NOW - HOUR_MS / 2 },
  });
  const FULL = { state: "throttled", until: NOW + HOUR_MS / 2 } as const;
  const ofReserve = { known: 1, from_reserve: 1 } as const;

  test.each<
    readonly [
      string,
      { readonly count: number; readonly sends?: readonly Send[]; readonly toKnown: Partial<SendDecision> },
    ]
  >([
    ["below the cap", { count: 499, toKnown: { state: "send", isFromReserve: false } }],
    ["at the cap", { count: 500, toKnown: { state: "send", isFromReserve: true } }],
    ["at the last message of the reserve", { count: 599, toKnown: { state: "send", isFromReserve: true } }],
    ["when the reserve is used up", { count: 600, toKnown: FULL }],
    [
      "when its phone has used two messages of the reserve",
      {
        count: 550,
        sends: sendsOf(2, ofReserve),
        toKnown: { state: "send", isFromReserve: true },
      },
    ],
    [
      "when its phone has used three messages of the reserve, one of them given back by a sign-in",
      {
        count: 550,
        sends: [
          ...sendsOf(1, { ...ofReserve, state: "signed-in", lastAt: NOW - 60_000 }),
          ...sendsOf(2, ofReserve),
        ],
        toKnown: FULL,
      },
    ],
    [
      "when the first of its phone's three messages from the reserve is an hour old before the cap has room",
      {
        count: 550,
        sends: sendsOf(3, { ...ofReserve, lastAt: NOW - HOUR_MS + 10 * 60_000 }),
        toKnown: { state: "throttled", until: NOW + 8 * 60_000 },
      },
    ],
    [
      "when its phone used three messages of the reserve an hour ago",
      {
        count: 550,
        sends: sendsOf(3, { ...ofReserve, lastAt: NOW - HOUR_MS }),
        toKnown: { state: "send", isFromReserve: true },
      },
    ],
    [
      "when its phone got three messages below the cap",
      {
        count: 550,
        sends: sendsOf(3, { known: 1 }),
        toKnown: { state: "send", isFromReserve: true },
      },
    ],
    [
      "below the cap, when its phone has used three messages of the reserve",
      {
        count: 499,
        sends: sendsOf(3, ofReserve),
        toKnown: { state: "send", isFromReserve: false },
      },
    ],
  ])("[SI28] decides for a known device %s", (_case, { count, sends = [], toKnown }) => {
    expect(decide(sends, { isKnown: true, load: loaded(count) })).toMatchObject(toKnown);
  });

  test.each([
    [499, "send"],
    [500, "throttled"],
  ])("[SI28] decides for a stranger at %i messages: %s", (count, state) => {
    expect(decide([], { isKnown: false, load: loaded(count) })).toMatchObject({ state });
  });
});

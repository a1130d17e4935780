import { defaultLimits as limits, type ChallengeId } from "@edvoyage/protocol";
import { createNewId, systemRandom } from "../platform/crypto.ts";
import {
  decideSend,
  type NumberFacts,
  type Send,
  type SendDecision,
  type SendLoad,
  type WrongCode,
} from "./numbers.rules.ts";

// Facts for the tests of the rules.

/** The instant at which the tests ask. */
export const NOW = 1_800_000_000_000;

const newId = createNewId(systemRandom);

/** Creates the id of a challenge. */
export const newChallengeId = (): ChallengeId => newId<ChallengeId>(NOW);

/** Creates the facts of a phone for the device `stranger`, which nobody has used yet. */
export const createNumberFacts = (facts: Partial<NumberFacts>): NumberFacts => ({
  deviceKey: "stranger",
  newestSignIns: [],
  blockedUntil: null,
  wrongCodes: [],
  ...facts,
});

/** Creates wrong codes of a stranger, `everyMs` apart; the newest is `newestAgoMs` old. Oldest first. */
export const createWrongCodes = (
  count: number,
  {
    newestAgoMs,
    everyMs,
    ...wrong
  }: Partial<WrongCode> & { readonly newestAgoMs: number; readonly everyMs: number },
): WrongCode[] =>
  Array.from({ length: count }, (_, index) => ({
    device_key: "stranger",
    at: NOW - newestAgoMs - (count - 1 - index) * everyMs,
    code_length: 6,
    known: 0,
    counts_to_block: 0,
    ...wrong,
  }));

/** The load of a server that has sent nothing. */
export const IDLE: SendLoad = {
  ip: "192.0.2.1",
  ofAddress: { count: 0, oldestAt: null },
  ofAll: { count: 0, oldestAt: null },
};

/** Decides about a message to the device `asking`. */
export const decide = (
  sends: readonly Send[],
  { isKnown = false, load = IDLE }: { readonly isKnown?: boolean; readonly load?: SendLoad } = {},
): SendDecision =>
  decideSend(sends, {
    challengeId: newChallengeId(),
    deviceKey: "asking",
    isKnown,
    load,
    now: NOW,
    limits,
  });

import { describe, expect, test } from "vitest";
import { addressToLimitKey, createAddressLimiter, isAddressOrRange } from "./client-address.ts";

/** The start of a minute. */
const START = Date.UTC(2026, 8, 1, 8);

const createLimiter = (callsPerMinute: number) => {
  const time = { now: START };
  const limiter = createAddressLimiter(
    { now: () => time.now, monotonicNow: () => time.now, every: () => () => {} },
    callsPerMinute,
  );
  return { limiter, time };
};

describe("the limit key of an address", () => {
  test.each([
    ["keeps an IPv4 address as it is", "203.0.113.9", "203.0.113.9"],
    ["takes the IPv4 address out of an IPv4-mapped IPv6 address", "::ffff:203.0.113.9", "203.0.113.9"],
    [
      "takes the IPv4 address out of a hexadecimal IPv4-mapped IPv6 address",
      "::ffff:cb00:7109",
      "203.0.113.9",
    ],
    ["shortens an IPv6 address to its /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    [
      "shortens an IPv6 address in another notation to the same /64",
      "2001:0DB8:0001:0002::0001",
      "2001:db8:1:2::/64",
    ],
    ["shortens the loopback address to its /64", "::1", "::/64"],
    ["ignores the name of an interface", "fe80::1%eth0", "fe80::/64"],
    ["returns unknown for an empty text", "", "unknown"],
    ["returns unknown for a word", "unknown", "unknown"],
    ["returns unknown for an address with a port", "203.0.113.9:443", "unknown"],
    ["returns unknown for an address out of range", "203.0.113.256", "unknown"],
    ["returns unknown for an address with an injected header line", "203.0.113.9\r\nx-admin: 1", "unknown"],
  ])("%s", (_name, address, key) => {
    expect(addressToLimitKey(address)).toBe(key);
  });

  test("returns the same key for two addresses of one subscriber and another key for another subscriber", () => {
    const [address, sameSubscriber, otherSubscriber] = [
      "2001:db8:0:1::1",
      "2001:db8:0:1:ffff::2",
      "2001:db8:0:2::1",
    ].map(addressToLimitKey);

    expect(sameSubscriber).toBe(address);
    expect(otherSubscriber).not.toBe(address);
  });
});

describe("the check for an address or range", () => {
  test.each(["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "10.0.0.1/32"])("accepts %s", (text) => {
    expect(isAddressOrRange(text)).toBe(true);
  });

  test.each(["", "localhost", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/", "10.0.0.0/255.0.0.0/8", "*"])(
    "rejects %j",
    (text) => {
      expect(isAddressOrRange(text)).toBe(false);
    },
  );
});

describe("the address limiter", () => {
  test("allows an address its calls per minute, then returns the seconds until the minute ends", () => {
    const { limiter, time } = createLimiter(3);
    time.now += 15_500;

    expect(limiter.take("203.0.113.9", 1)).toBe(0);
    expect(limiter.take("203.0.113.9", 2)).toBe(0);
    expect(limiter.take("203.0.113.9", 1)).toBe(45);
  });

  test("counts each IPv4 address separately and a whole /64 as one address", () => {
    const { limiter } = createLimiter(1);

    expect(limiter.take("203.0.113.9", 1)).toBe(0);
    expect(limiter.take("203.0.113.10", 1)).toBe(0);
    expect(limiter.take("2001:db8::1", 1)).toBe(0);
    expect(limiter.take("2001:db8::2", 1)).toBeGreaterThan(0);
  });

  test("starts a new count exactly when the next minute starts", () => {
    const { limiter, time } = createLimiter(1);
    limiter.take("203.0.113.9", 1);

    time.now = START + 59_999;
    expect(limiter.take("203.0.113.9", 1)).toBe(1);
    time.now = START + 60_000;
    expect(limiter.take("203.0.113.9", 1)).toBe(0);
  });

  test("leaves refused calls out of the count", () => {
    const { limiter } = createLimiter(5);

    expect(limiter.take("203.0.113.9", 6)).toBeGreaterThan(0);
    expect(limiter.take("203.0.113.9", 5)).toBe(0);
  });

  test("counts 50,000 addresses separately within a minute and lets all others share one allowance", () => {
    const { limiter, time } = createLimiter(2);
    const address = (index: number): string => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    for (let index = 0; index < 50_000; index += 1) limiter.take(address(index), 1);

    expect(limiter.take("203.0.113.1", 1)).toBe(0);
    expect(limiter.take("203.0.113.2", 1)).toBe(0);
    expect(limiter.take("203.0.113.3", 1)).toBe(60);
    expect(limiter.take(address(0), 1)).toBe(0);
    expect(limiter.take(address(49_999), 1)).toBe(0);
    time.now += 60_000;
    expect(limiter.take("203.0.113.3", 1)).toBe(0);
  });
});

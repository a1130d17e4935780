import { describe, expect, test } from "vitest";
import { addressToLimitKey, createAddressLimiter, isAddressOrRange } from "./client-address.ts";

/** A minute's beginning. */
const START = Date.UTC(2026, 8, 1, 8);

const createLimiter = (callsPerMinute: number) => {
  const time = { now: START };
  const limiter = createAddressLimiter({ now: () => time.now, every: () => () => {} }, callsPerMinute);
  return { limiter, time };
};

describe("what counts as one address", () => {
  test.each([
    ["an IPv4 address is itself", "203.0.113.9", "203.0.113.9"],
    ["an IPv4 address in the dress of IPv6 is itself", "::ffff:203.0.113.9", "203.0.113.9"],
    ["the same in hexadecimal is too", "::ffff:cb00:7109", "203.0.113.9"],
    ["an IPv6 address is its /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["an IPv6 address is its /64, however it is written", "2001:0DB8:0001:0002::0001", "2001:db8:1:2::/64"],
    ["this machine is a /64", "::1", "::/64"],
    ["an interface's name does not matter", "fe80::1%eth0", "fe80::/64"],
    ["nothing is nobody's", "", "unknown"],
    ["a word is nobody's", "unknown", "unknown"],
    ["an address with a port is nobody's", "203.0.113.9:443", "unknown"],
    ["an address out of range is nobody's", "203.0.113.256", "unknown"],
    ["a line that was smuggled in is nobody's", "203.0.113.9\r\nx-admin: 1", "unknown"],
  ])("%s", (_fact, address, key) => {
    expect(addressToLimitKey(address)).toBe(key);
  });

  test("two addresses of one subscriber are one, those of two are two", () => {
    const [one, same, other] = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"].map(
      addressToLimitKey,
    );

    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe("an address or range", () => {
  test.each(["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "10.0.0.1/32"])("is %s", (text) => {
    expect(isAddressOrRange(text)).toBe(true);
  });

  test.each(["", "localhost", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/", "10.0.0.0/255.0.0.0/8", "*"])(
    "is not %j",
    (text) => {
      expect(isAddressOrRange(text)).toBe(false);
    },
  );
});

describe("the limiter", () => {
  test("lets so many calls of an address through, then says when the minute ends", () => {
    const { limiter, time } = createLimiter(3);
    time.now += 15_500;

    expect(limiter.take("203.0.113.9", 1)).toBe(0);
    expect(limiter.take("203.0.113.9", 2)).toBe(0);
    expect(limiter.take("203.0.113.9", 1)).toBe(45);
  });

  test("counts each address for itself, and a /64 as one", () => {
    const { limiter } = createLimiter(1);

    expect(limiter.take("203.0.113.9", 1)).toBe(0);
    expect(limiter.take("203.0.113.10", 1)).toBe(0);
    expect(limiter.take("2001:db8::1", 1)).toBe(0);
    expect(limiter.take("2001:db8::2", 1)).toBeGreaterThan(0);
  });

  test("begins anew with the next minute, and not before", () => {
    const { limiter, time } = createLimiter(1);
    limiter.take("203.0.113.9", 1);

    time.now = START + 59_999;
    expect(limiter.take("203.0.113.9", 1)).toBe(1);
    time.now = START + 60_000;
    expect(limiter.take("203.0.113.9", 1)).toBe(0);
  });

  test("does not count what it refused", () => {
    const { limiter } = createLimiter(5);

    expect(limiter.take("203.0.113.9", 6)).toBeGreaterThan(0);
    expect(limiter.take("203.0.113.9", 5)).toBe(0);
  });

  test("remembers 50,000 addresses of a minute; the rest share one allowance, the known keep theirs", () => {
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

import { describe, expect, test } from "vitest";
import { isPhoneCountry, maskPhone, parsePhone, parseWrittenPhone } from "./phone.ts";

describe("parsePhone", () => {
  test.each([
    ["+447400123456", "+447400123456"],
    ["  +44 7400 123456  ", "+447400123456"],
    ["+44 (7400) 12-34.56", "+447400123456"],
    ["+44/7400/123456", "+447400123456"],
    ["+44\u00a07400\u2013123456", "+447400123456"],
    // The United States do not tell mobile and fixed lines apart.
    ["+1 202 555 0123", "+12025550123"],
    ["+44 7400 123456".padEnd(31, "-") + ".", "+447400123456"],
  ])("converts %j to E.164", (text, phone) => {
    expect(parsePhone(text, undefined)).toBe(phone);
  });

  test.each([
    ["nothing", ""],
    ["a number without its country", "07400 123456"],
    ["a fixed line", "+44 20 7946 0018"],
    ["a number that is too short", "+44 7400"],
    ["a country that does not exist", "+999 123456789"],
    ["letters before the number", "x+447400123456"],
    ["letters after the number", "+447400123456x"],
    ["an extension", "+447400123456;ext=1"],
    ["one character more than 32", "+44 7400 123456".padEnd(33, "-")],
  ])("rejects %s", (_what, text) => {
    expect(() => parsePhone(text, undefined)).toThrow(expect.objectContaining({ reason: "phone/invalid" }));
  });

  test("rejects a number of a country that is not served", () => {
    expect(parsePhone("+447400123456", new Set(["GB"]))).toBe("+447400123456");
    expect(() => parsePhone("+919876543210", new Set(["GB"]))).toThrow(
      expect.objectContaining({ reason: "phone/country-not-served" }),
    );
  });

  test("rejects a number that belongs to no country when only some are served", () => {
    // A mobile number of an international network.
    expect(parsePhone("+882 3421234", undefined)).toBe("+8823421234");
    expect(() => parsePhone("+882 3421234", new Set(["GB"]))).toThrow(
      expect.objectContaining({ reason: "phone/country-not-served" }),
    );
  });
});

describe("parseWrittenPhone", () => {
  test.each([
    ["07400 123456", "+447400123456"],
    ["  (07400) 123-456  ", "+447400123456"],
    ["07400 123456".padEnd(40), "+447400123456"],
    ["+91 98765 43210", "+919876543210"],
    ["07400 123456".padEnd(32, "-"), "+447400123456"],
  ])("reads %j as a British student writes it", (text, phone) => {
    expect(parseWrittenPhone(text, "+447400999888")).toBe(phone);
  });

  test.each([
    ["nothing", ""],
    ["a fixed line", "020 7946 0018"],
    ["letters before the number", "x07400123456"],
    ["letters after the number", "07400123456x"],
    ["an extension", "07400123456;ext=1"],
    ["one character more than 32", "07400 123456".padEnd(33, "-")],
  ])("rejects %s", (_what, text) => {
    expect(() => parseWrittenPhone(text, "+447400999888")).toThrow(
      expect.objectContaining({ reason: "phone/invalid" }),
    );
  });

  test("needs the international form from a student whose number names no country", () => {
    expect(parseWrittenPhone("+44 7400 123456", "erased:1")).toBe("+447400123456");
    expect(() => parseWrittenPhone("07400 123456", "erased:1")).toThrow(
      expect.objectContaining({ reason: "phone/invalid" }),
    );
  });
});

describe("maskPhone", () => {
  test.each([
    ["India", "+919876543210", "+91••••••3210"],
    ["the United States", "+12025550123", "+1••••••0123"],
    ["the United Kingdom", "+447400123456", "+44••••••3456"],
    ["Portugal, which has a long calling code", "+351912345678", "+351•••••5678"],
    ["a country with longer numbers", "+4915112345678", "+49•••••••5678"],
  ])("shows the calling code and the last four digits of a number of %s", (_where, phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  test("keeps the length of the number", () => {
    expect(maskPhone("+919876543210")).toHaveLength("+919876543210".length);
  });

  test("shows only the last four digits of a number with an unknown calling code", () => {
    expect(maskPhone("+999123456789")).toBe("+••••••••6789");
  });

  test("hides a part of even the shortest numbers", () => {
    // A mobile number of Tokelau: four digits after the calling code.
    expect(maskPhone("+6907290")).not.toBe("+6907290");
  });
});

describe("isPhoneCountry", () => {
  test.each(["IN", "GB", "US", "NG", "XK"])("accepts %s", (code) => {
    expect(isPhoneCountry(code)).toBe(true);
  });

  test.each(["", "XX", "ZZ", "in", "IND", "India", "91", "UK", "__proto__", "constructor"])(
    "rejects %j",
    (text) => {
      expect(isPhoneCountry(text)).toBe(false);
    },
  );
});

import { describe, expect, test } from "vitest";
import { isPhoneCountry, maskPhone } from "./phone.ts";

describe("a masked number", () => {
  test.each([
    ["India", "+919876543210", "+91••••••3210"],
    ["the United States", "+12025550123", "+1••••••0123"],
    ["the United Kingdom", "+447400123456", "+44••••••3456"],
    ["Portugal, whose country code is long", "+351912345678", "+351•••••5678"],
    ["a country that gives longer numbers", "+4915112345678", "+49•••••••5678"],
  ])("of %s shows its country and its last four digits", (_where, phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  test("is as long as the number", () => {
    expect(maskPhone("+919876543210")).toHaveLength("+919876543210".length);
  });

  test("of a country that nobody knows shows the last four digits alone", () => {
    expect(maskPhone("+999123456789")).toBe("+••••••••6789");
  });

  test("hides a part of the shortest numbers too", () => {
    // A mobile number of Tokelau: four digits after the country's code.
    expect(maskPhone("+6907290")).not.toBe("+6907290");
  });
});

describe("a country of numbers", () => {
  test.each(["IN", "GB", "US", "NG", "XK"])("is %s", (code) => {
    expect(isPhoneCountry(code)).toBe(true);
  });

  test.each(["", "XX", "ZZ", "in", "IND", "India", "91", "UK", "__proto__", "constructor"])(
    "is not %j",
    (text) => {
      expect(isPhoneCountry(text)).toBe(false);
    },
  );
});

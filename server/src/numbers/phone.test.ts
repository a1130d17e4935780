import { describe, expect, test } from "vitest";
import { isPhoneCountry, maskPhone } from "./phone.ts";

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

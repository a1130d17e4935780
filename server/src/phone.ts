import { isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/max";
import { AppError } from "./errors.ts";

const MAX_PHONE_CHARACTERS = 32;
/** What people put between the digits: spaces, hyphens, dots, brackets, slashes. */
const INTERNATIONAL = /^\+[\d\s().\-/\u00a0\u2010-\u2015]+$/u;
/** Types that can receive a text message; the line between mobile and fixed is unknowable in some plans (US, CA). */
const CAN_BE_MOBILE: ReadonlySet<string | undefined> = new Set(["MOBILE", "FIXED_LINE_OR_MOBILE"]);

/**
 * Brings a phone number to E.164 before any key is built from it.
 * Throws `phone/invalid` for what is no number that can receive messages, and
 * `phone/country-not-served` for a country that is not in `countries` (`undefined` serves all).
 */
export const parsePhone = (text: string, countries: ReadonlySet<string> | undefined): string => {
  const trimmed = text.trim();
  if (trimmed.length > MAX_PHONE_CHARACTERS || !INTERNATIONAL.test(trimmed)) throw invalidPhone();
  const parsed = parsePhoneNumberFromString(trimmed);
  if (!parsed?.isValid() || !CAN_BE_MOBILE.has(parsed.getType())) throw invalidPhone();
  if (countries && !countries.has(parsed.country ?? "")) {
    throw new AppError("phone/country-not-served", "Messages are not sent to this country.");
  }
  return parsed.number;
};

/** Shows where a number is from and its last four digits: `+91••••••3210`. */
export const maskPhone = (phone: string): string => {
  const parsed = parsePhoneNumberFromString(phone);
  const prefix = `+${parsed?.countryCallingCode ?? ""}`;
  return prefix + "•".repeat(Math.max(0, phone.length - prefix.length - 4)) + phone.slice(-4);
};

/** Whether a text is a country that numbers can belong to (ISO 3166-1 alpha-2). */
export const isPhoneCountry = (text: string): boolean => isSupportedCountry(text);

const invalidPhone = () =>
  new AppError(
    "phone/invalid",
    "This is not a mobile number in international form, such as +44 7400 123456.",
  );

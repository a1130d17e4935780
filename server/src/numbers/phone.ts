import {
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
} from "libphonenumber-js/max";
import { AppError } from "../platform/errors.ts";

const MAX_PHONE_CHARACTERS = 32;
/** What people put between the digits: spaces, hyphens, dots, brackets, slashes. */
const INTERNATIONAL = /^\+[\d\s().\-/\u00a0\u2010-\u2015]+$/u;
/** The same without the plus: a number as it is written in its own country. */
const NATIONAL = /^[\d\s().\-/\u00a0\u2010-\u2015]+$/u;
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
  // A number of no type is invalid: isValid() would only look for the type once more.
  if (!parsed || !CAN_BE_MOBILE.has(parsed.getType())) throw invalidPhone();
  if (countries && !countries.has(parsed.country ?? "")) {
    throw new AppError("phone/country-not-served", "Messages are not sent to this country.");
  }
  return parsed.number;
};

/**
 * Brings a number as somebody writes it to E.164: in international form, or as it is dialled in the country of her own.
 * Throws `phone/invalid`.
 */
export const parseWrittenPhone = (text: string, ownPhone: string): string => {
  const trimmed = text.trim();
  if (trimmed.length > MAX_PHONE_CHARACTERS || !(INTERNATIONAL.test(trimmed) || NATIONAL.test(trimmed)))
    throw invalidPhone();
  const defaultCountry = parsePhoneNumberFromString(ownPhone)?.country;
  const parsed = parsePhoneNumberFromString(trimmed, defaultCountry ? { defaultCountry } : {});
  if (!parsed || !CAN_BE_MOBILE.has(parsed.getType())) throw invalidPhone();
  return parsed.number;
};

/** Shows where an E.164 number is from and its last four digits, half of them at the most: `+91••••••3210`. */
export const maskPhone = (phone: string): string => {
  const prefix = `+${callingCodeOf(phone)}`;
  const digits = phone.length - prefix.length;
  const shown = Math.min(4, Math.floor(digits / 2));
  return prefix + "•".repeat(digits - shown) + phone.slice(phone.length - shown);
};

/** No calling code begins with another (ITU-T E.164), so the first that fits is the one. */
const callingCodeOf = (phone: string): string =>
  [1, 2, 3].map((length) => phone.slice(1, 1 + length)).find((digits) => CALLING_CODES.has(digits)) ?? "";

const CALLING_CODES: ReadonlySet<string> = new Set(
  getCountries().map((country) => getCountryCallingCode(country)),
);

/** Whether a text is a country that numbers can belong to (ISO 3166-1 alpha-2). */
export const isPhoneCountry = (text: string): boolean => isSupportedCountry(text);

const invalidPhone = () =>
  new AppError(
    "phone/invalid",
    "This is not a mobile number in international form, such as +44 7400 123456.",
  );

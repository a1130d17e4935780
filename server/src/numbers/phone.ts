import {
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
} from "libphonenumber-js/max";
import { INTERNATIONAL_PHONE, WRITTEN_PHONE } from "@edvoyage/protocol";
import { AppError } from "../platform/errors.ts";

/** Types that can receive a text message. Some numbering plans (US, CA) do not tell mobile and fixed lines apart. */
const CAN_BE_MOBILE: ReadonlySet<string | undefined> = new Set(["MOBILE", "FIXED_LINE_OR_MOBILE"]);

/**
 * Converts a phone number to E.164; call it before any key is built from the number.
 * Throws `phone/invalid` for anything except a number that can receive messages, and
 * `phone/country-not-served` for a country that is not in `countries` (`undefined` serves all).
 */
export const parsePhone = (text: string, countries: ReadonlySet<string> | undefined): string => {
  const trimmed = text.trim();
  if (!INTERNATIONAL_PHONE.test(trimmed)) throw invalidPhone();
  const parsed = parsePhoneNumberFromString(trimmed);
  // A number without a type is invalid, so isValid() is not needed: it would only determine the type again.
  if (!parsed || !CAN_BE_MOBILE.has(parsed.getType())) throw invalidPhone();
  if (countries && !countries.has(parsed.country ?? "")) {
    throw new AppError("phone/country-not-served", "Messages are not sent to this country.");
  }
  return parsed.number;
};

/**
 * Converts a number as a student wrote it to E.164: in international form, or as it is dialled in the country of
 * `ownPhone`. Throws `phone/invalid`.
 */
export const parseWrittenPhone = (text: string, ownPhone: string): string => {
  const trimmed = text.trim();
  if (!WRITTEN_PHONE.test(trimmed)) throw invalidPhone();
  const defaultCountry = parsePhoneNumberFromString(ownPhone)?.country;
  const parsed = parsePhoneNumberFromString(trimmed, defaultCountry ? { defaultCountry } : {});
  if (!parsed || !CAN_BE_MOBILE.has(parsed.getType())) throw invalidPhone();
  return parsed.number;
};

/**
 * Masks an E.164 number except its calling code and its last four digits (at most half of the digits): `+91••••••3210`.
 */
export const maskPhone = (phone: string): string => {
  const prefix = `+${callingCodeOf(phone)}`;
  const digits = phone.length - prefix.length;
  const shown = Math.min(4, Math.floor(digits / 2));
  return prefix + "•".repeat(digits - shown) + phone.slice(phone.length - shown);
};

/** Returns the first calling code that fits: no calling code is a prefix of another (ITU-T E.164). */
const callingCodeOf = (phone: string): string =>
  [1, 2, 3].map((length) => phone.slice(1, 1 + length)).find((digits) => CALLING_CODES.has(digits)) ?? "";

const CALLING_CODES: ReadonlySet<string> = new Set(
  getCountries().map((country) => getCountryCallingCode(country)),
);

/** Checks whether a text is the code of a country that has phone numbers (ISO 3166-1 alpha-2). */
export const isPhoneCountry = (text: string): boolean => isSupportedCountry(text);

const invalidPhone = () =>
  new AppError(
    "phone/invalid",
    "This is not a mobile number in international form, such as +44 7400 123456.",
  );

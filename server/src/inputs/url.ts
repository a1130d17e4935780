import { HTTPS_URL_PATTERN, isHttpsUrl } from "@edvoyage/protocol";
import { z } from "zod";

/**
 * A URL that other students' apps open or show. Accepts only `https:` without user name and password; other kinds of URL could
 * harm those students.
 */
export const httpsUrlInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(HTTPS_URL_PATTERN, "An https URL")
    .refine(isHttpsUrl, "An https URL without a name and password");

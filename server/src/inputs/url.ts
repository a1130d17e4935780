import { z } from "zod";

/**
 * A URL that other students' apps open or show. Accepts only `https:` without user name and password; other kinds of URL could
 * harm those students.
 */
export const httpsUrlInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(/^https:\/\/[^\s\p{Cc}\p{Cf}\p{Cs}\\]+$/u, "An https URL")
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.protocol === "https:" && url.username === "" && url.password === "";
    }, "An https URL without a name and password");

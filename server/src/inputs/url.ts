import { z } from "zod";

/** A URL that other students' apps open or show. Only `https:` without a user name and password, because other schemes could harm them. */
export const httpsUrlInput = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(/^https:\/\/[^\s\p{Cc}\p{Cf}\p{Cs}\\]+$/u, "An https URL")
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.protocol === "https:" && url.username === "" && url.password === "";
    }, "An https URL without a name and password");

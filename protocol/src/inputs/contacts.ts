import { fieldsOf, optional, type Check } from "./checks.ts";
import { lineCheck } from "./texts.ts";

/** The characters of a nickname. */
export const MAX_NICKNAME_CHARACTERS = 100;

/** Checks a contact that is added or changed, except its number. */
export const contactCheck: Check = fieldsOf({ nickname: optional(lineCheck(MAX_NICKNAME_CHARACTERS)) });

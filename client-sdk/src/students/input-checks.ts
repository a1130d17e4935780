import { contactCheck, profileChangeCheck } from "@edvoyage/protocol";
import type { InputChecks } from "../runtime/valid-input.ts";

/** The server's rules for the student's profile and contacts. The other areas check their inputs themselves. */
export const inputChecks: InputChecks = {
  "profile.update": profileChangeCheck,
  "contacts.add": contactCheck,
  "contacts.update": contactCheck,
};

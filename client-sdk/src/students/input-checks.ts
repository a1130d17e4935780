import { loadOnDemand } from "../runtime/load-on-demand.ts";
import type { InputChecks } from "../runtime/valid-input.ts";

/** Loads the server's rules for inputs: of the student's profile and contacts, of applications and of the social area. */
export const inputChecks: InputChecks = async () =>
  (await loadOnDemand(() => import("./known-checks.ts"))).knownChecks;

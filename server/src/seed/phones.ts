import type { UnitOfWork } from "@edvoyage/db";
import { AppError } from "../platform/errors.ts";
import { takenPhones } from "./seed.store.ts";

/**
 * Area codes of the United States. In each, 555-0100 to 555-0199 are reserved for fiction and assigned to nobody
 * (NANPA, "555 Line Numbers"). libphonenumber accepts them as numbers that can receive messages, unlike the fictional
 * numbers of Ofcom and Arcep.
 */
const AREA_CODES = (
  "202 206 212 213 214 215 216 303 305 312 313 314 404 408 410 412 415 503 504 512 " +
  "602 612 615 617 619 702 713 718 808 818"
).split(" ");
const LINES_PER_AREA = 100;

/** Returns a function that hands out unused fictional numbers, in order; for one unit of work. */
export const createFictionalPhones = (tx: Pick<UnitOfWork, "kysely">) => {
  let area = 0;
  let free: string[] = [];
  return async (): Promise<string> => {
    while (free.length === 0) {
      const code = AREA_CODES[area];
      area += 1;
      if (code === undefined)
        throw new AppError("conflict", "All phone numbers that are reserved for fiction are in use.");
      const phones = Array.from(
        { length: LINES_PER_AREA },
        (_, line) => `+1${code}55501${String(line).padStart(2, "0")}`,
      );
      const taken = await takenPhones(tx, phones);
      free = phones.filter((phone) => !taken.has(phone));
    }
    return free.shift() ?? "";
  };
};

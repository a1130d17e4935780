import type { ClientEnvironment } from "../runtime/environment.ts";
import { createRecords, type Records } from "./records.ts";

/** Opens a store as checked records, and reports each damaged record. */
export const openRecords = async (
  name: string,
  { storage, report }: Pick<ClientEnvironment, "storage" | "report">,
): Promise<Records> =>
  createRecords(await storage.open(name), {
    onDamaged: (key) => report({ kind: "record-damaged", message: `The record ${key} was damaged.` }),
  });

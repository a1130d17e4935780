import type { Limits } from "@edvoyage/protocol";
import { AppError } from "../platform/errors.ts";
import { DocumentRefusal } from "./document-refusal.ts";

/** One array of a document as a map, during an edit. */
export interface EditedEntries {
  get(key: string): unknown;
  has(key: string): boolean;
  set(key: string, value: unknown): void;
  delete(key: string): void;
  readonly size: number;
}

/** Collects changes to entries without touching the document; the caller applies them when `act` has finished. */
export const createEdit = (
  before: ReadonlyMap<string, unknown>,
): { readonly entries: EditedEntries; readonly changes: ReadonlyMap<string, unknown> } => {
  const after = new Map(before);
  const changes = new Map<string, unknown>();
  return {
    changes,
    entries: {
      get: (key) => after.get(key),
      has: (key) => after.has(key),
      get size() {
        return after.size;
      },
      set: (key, value) => {
        after.set(key, value);
        changes.set(key, value);
      },
      delete: (key) => {
        if (after.delete(key)) changes.set(key, undefined);
      },
    },
  };
};

/** Runs an edit. Throws `limit/reached` (documentBytes) if it makes the document too large. */
export const editWithinLimit = <T>({ documentBytes }: Pick<Limits, "documentBytes">, edit: () => T): T => {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof DocumentRefusal)) throw error;
    throw new AppError("limit/reached", `A document may have at most ${documentBytes} bytes.`, {
      limit: "documentBytes",
    });
  }
};

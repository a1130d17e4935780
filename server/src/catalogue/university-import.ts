import type { Tables, UnitOfWork } from "@edvoyage/db";
import type { UniversityId } from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { catalogueQueries, insertUniversity, updateUniversity } from "./catalogue.store.ts";
import { countryToName, foldText, textsToSearchWords } from "./fold.ts";

/** A university in the format of the public list of universities and their domains. */
export type Entry = z.output<typeof entryShape>;

/** The outcome of an entry. */
export type EntryOutcome = "created" | "updated" | "unchanged" | { readonly skipped: string };

/** The result of an import. `skipped` lists each skipped entry with its index in the import and the reason. */
export interface ImportReport {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: readonly {
    readonly index: number;
    readonly name: string | null;
    readonly reason: string;
  }[];
}

/** Adds or completes universities from a list. */
export interface UniversityImport {
  /**
   * Adds or completes universities. Entries with the same country and name, or with the same first domain, are the same
   * university, so importing twice changes nothing. `importId` names the import to which the entries belong; it
   * distinguishes a second entry for a university from a second run. `offset` is the index of the first entry in that import.
   */
  importEntries(
    tx: UnitOfWork,
    batch: { readonly entries: readonly unknown[]; readonly importId: string; readonly offset: number },
  ): Promise<ImportReport>;
  /** Adds or completes one university. The caller holds the lock of the catalogue. */
  importEntry(tx: UnitOfWork, entry: Entry, importId: string): Promise<EntryOutcome>;
}

const text = (maxCharacters: number) =>
  z
    .string()
    .transform((value) => value.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim())
    .pipe(z.string().min(1).max(maxCharacters));

const entryShape = z.object({
  name: text(300),
  alpha_two_code: z
    .string()
    .refine((code) => countryToName(code.toUpperCase()) !== undefined)
    .transform((code) => code.toUpperCase()),
  city: text(100).nullish().catch(null),
  "state-province": text(100).nullish().catch(null),
  domains: z
    .array(
      z
        .string()
        .max(253)
        .toLowerCase()
        .regex(/^[a-z0-9.-]+$/),
    )
    .max(20)
    .nullish()
    .catch([]),
  web_pages: z
    .array(
      z
        .url({ protocol: /^https?$/ })
        .max(500)
        .regex(/^[^\p{Cc}\s]*$/u),
    )
    .max(20)
    .nullish()
    .catch([]),
});

const skipReasonByField: Readonly<Record<string, string>> = {
  "": "not an object",
  name: "no usable name",
  alpha_two_code: "no known country code",
};

export const createUniversityImport = ({
  clock,
  newId,
}: {
  readonly clock: Clock;
  readonly newId: NewId;
}): UniversityImport => {
  const importEntry: UniversityImport["importEntry"] = async (tx, entry, importId) => {
    const now = clock.now();
    const mainDomain = entry.domains?.[0] ?? hostOf(entry.web_pages?.[0]);
    const sourceKey = `${entry.alpha_two_code}:${foldText(entry.name)}`;
    const found = await tx.first(catalogueQueries.byIdentity, { sourceKey, mainDomain, importId });
    if (found?.import_id === importId)
      return { skipped: `the same university as "${found.name}" earlier in this import` };
    const row = entryToRow(entry, {
      found,
      id: found?.id ?? newId<UniversityId>(now),
      sourceKey,
      mainDomain,
      importId,
      now,
    });
    if (!found) {
      await insertUniversity(tx, row);
      return "created";
    }
    await updateUniversity(tx, row);
    const isSame = (["city", "region", "website", "domains"] as const).every(
      (column) => found[column] === row[column],
    );
    return isSame ? "unchanged" : "updated";
  };

  return {
    importEntry,

    importEntries: async (tx, { entries, importId, offset }) => {
      // Run one import at a time; otherwise two concurrent imports would each miss what the other adds.
      await tx.lock("catalogue");
      const report = {
        created: 0,
        updated: 0,
        unchanged: 0,
        skipped: [] as ImportReport["skipped"][number][],
      };
      for (const [place, raw] of entries.entries()) {
        const index = offset + place;
        const parsed = entryShape.safeParse(raw);
        if (!parsed.success) {
          const field = parsed.error.issues[0]?.path[0] ?? "";
          report.skipped.push({
            index,
            name: nameOf(raw),
            reason: skipReasonByField[String(field)] ?? `bad ${String(field)}`,
          });
          continue;
        }
        const outcome = await importEntry(tx, parsed.data, importId);
        if (typeof outcome === "string") report[outcome] += 1;
        else report.skipped.push({ index, name: parsed.data.name, reason: outcome.skipped });
      }
      return report;
    },
  };
};

/** Builds the row of an entry. Fields that the entry leaves out keep their stored values. */
const entryToRow = (
  entry: Entry,
  {
    found,
    id,
    sourceKey,
    mainDomain,
    importId,
    now,
  }: {
    readonly found: Tables["universities"] | undefined;
    readonly id: UniversityId;
    readonly sourceKey: string;
    readonly mainDomain: string | null;
    readonly importId: string;
    readonly now: number;
  },
): Tables["universities"] => {
  const name = found?.name ?? entry.name;
  const city = entry.city ?? found?.city ?? null;
  const region = entry["state-province"] ?? found?.region ?? null;
  const domains = entry.domains?.length
    ? JSON.stringify(entry.domains)
    : (found?.domains ?? JSON.stringify(mainDomain ? [mainDomain] : []));
  return {
    id,
    source_key: found?.source_key ?? sourceKey,
    name,
    country: found?.country ?? entry.alpha_two_code,
    city,
    region,
    website: entry.web_pages?.[0] ?? found?.website ?? null,
    domains,
    // Never change the columns by which a row is found; otherwise the next run would find other rows.
    main_domain: found?.main_domain ?? mainDomain,
    import_id: importId,
    sort_key: found?.sort_key ?? foldText(name),
    search_words: textsToSearchWords([name, city, region, found?.main_domain ?? mainDomain]),
    updated_at: now,
  };
};

const hostOf = (url: string | undefined): string | null =>
  url ? new URL(url).hostname.replace(/^www\d?\./, "") : null;

const nameOf = (entry: unknown): string | null => {
  const named = z.object({ name: text(300) }).safeParse(entry);
  return named.success ? named.data.name : null;
};

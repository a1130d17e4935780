/** An entry of the file that `edvoyage catalogue import` takes. */
export interface UniversityEntry {
  readonly name: string;
  readonly domains: readonly string[] | null;
  readonly web_pages: readonly string[];
  readonly country: string;
  readonly alpha_two_code: string;
  readonly "state-province": string | null;
}

/** Universities that do not exist, with the defects that lists of real universities have. */
export interface UniversityList {
  readonly entries: readonly UniversityEntry[];
  /** Maps the index of each entry that repeats a university to the index of the entry that it repeats. */
  readonly repeats: ReadonlyMap<number, number>;
}

const COUNTRIES = [
  { code: "BR", country: "Brazil", suffix: "edu.br" },
  { code: "PT", country: "Portugal", suffix: "pt" },
  { code: "PL", country: "Poland", suffix: "edu.pl" },
  { code: "TR", country: "Turkey", suffix: "edu.tr" },
  { code: "VN", country: "Viet Nam", suffix: "edu.vn" },
  { code: "IN", country: "India", suffix: "ac.in" },
  { code: "GB", country: "United Kingdom", suffix: "ac.uk" },
  { code: "CH", country: "Switzerland", suffix: "ch" },
  { code: "IS", country: "Iceland", suffix: "is" },
  { code: "JP", country: "Japan", suffix: "ac.jp" },
];
const TOWN_STARTS = ["Albú", "Brón", "Çelik", "Dvořá", "Élan", "Fjør", "Gürn", "Hãno", "Iłow", "Jõge"];
const TOWN_ENDS = ["bach", "dière", "feld", "góra", "holm", "kırı", "ñuelo", "stað", "thành", "vík"];
const NAMES: readonly ((town: string) => string)[] = [
  (town) => `Universidade de ${town}`,
  (town) => `${town} Üniversitesi`,
  (town) => `Politechnika ${town}`,
  (town) => `Đại học ${town}`,
  (town) => `${town} Institute of Arts & Crafts`,
  (town) => `Haute École d'${town} – Section A`,
  (town) => `${town} 大学`,
];
const MAX_ENTRIES = TOWN_STARTS.length * TOWN_ENDS.length * NAMES.length;

/** The name of the first two entries. They are two universities, because their countries differ. */
export const NAMESAKE = "Fundação Hortênsia Imaginária";

const REPEAT_EVERY = 16;
/** Distances between a repeat and its original: within the same batch of an import, and in an earlier batch. */
const REPEAT_DISTANCES = [3, 250];

/** Makes a list of at most 700 entries. It is deterministic: an entry depends only on its index. */
export const createUniversityList = (count: number): UniversityList => {
  if (count > MAX_ENTRIES) throw new RangeError(`There are names for ${MAX_ENTRIES} universities only`);
  const entries: UniversityEntry[] = [];
  const repeats = new Map<number, number>();
  for (let index = 0; index < count; index += 1) {
    const round = Math.floor(index / REPEAT_EVERY);
    const repeated = index - pick(REPEAT_DISTANCES, round);
    const original = entries[repeated];
    const isRepeat = index % REPEAT_EVERY === REPEAT_EVERY - 1 && original !== undefined;
    if (isRepeat) repeats.set(index, repeated);
    const entry = createEntry(index);
    if (!isRepeat) entries.push(entry);
    else if (round % 4 < 2) entries.push(withNameOf(original, entry));
    else entries.push({ ...entry, domains: [domainOf(repeated)] });
  }
  return { entries, repeats };
};

const createEntry = (index: number): UniversityEntry => {
  const domain = domainOf(index);
  const { code, country } = pick(COUNTRIES, index);
  return {
    name: index < 2 ? NAMESAKE : nameOf(index),
    // Some entries have two domains. Some have only a page, and some only a domain.
    domains: index % 9 === 4 ? null : index % 5 === 0 ? [domain, `student.${domain}`] : [domain],
    web_pages: index % 9 === 5 ? [] : [`https://www.${domain}/`],
    country,
    alpha_two_code: code,
    "state-province": index % 8 === 0 ? `Región ${index}` : null,
  };
};

/** Returns the original under the entry's own domain, with its name in capital letters and decomposed accents (NFD). */
const withNameOf = (original: UniversityEntry, entry: UniversityEntry): UniversityEntry => ({
  ...entry,
  name: original.name.normalize("NFD").toUpperCase(),
  country: original.country,
  alpha_two_code: original.alpha_two_code,
});

const domainOf = (index: number): string => `u${index}.${pick(COUNTRIES, index).suffix}`;

const nameOf = (index: number): string => {
  const tens = Math.floor(index / TOWN_STARTS.length);
  const hundreds = Math.floor(tens / TOWN_ENDS.length);
  return pick(NAMES, hundreds)(pick(TOWN_STARTS, index) + pick(TOWN_ENDS, tens));
};

/** Returns the element at an index, modulo the number of elements. */
const pick = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("The list is empty");
  return item;
};

/** An entry of the file that `edvoyage catalogue import` takes. */
export interface UniversityEntry {
  readonly name: string;
  readonly domains: readonly string[] | null;
  readonly web_pages: readonly string[];
  readonly country: string;
  readonly alpha_two_code: string;
  readonly "state-province": string | null;
}

/** Universities that do not exist, with the faults that lists of real ones have. */
export interface UniversityList {
  readonly entries: readonly UniversityEntry[];
  /** The place of each entry that names a university again, and the place of the entry that it repeats. */
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

/** The name of the first two entries: in different countries it is the name of two universities. */
export const NAMESAKE = "Fundação Hortênsia Imaginária";

const REPEAT_EVERY = 16;
/** How far back the repeated entry is: in the same part of an import, and in an earlier part. */
const REPEAT_DISTANCES = [3, 250];

/** Makes a list of at most 700 entries. It is the same each time: an entry follows from its place. */
export const createUniversityList = (count: number): UniversityList => {
  if (count > MAX_ENTRIES) throw new RangeError(`There are names for ${MAX_ENTRIES} universities only`);
  const entries: UniversityEntry[] = [];
  const repeats = new Map<number, number>();
  for (let place = 0; place < count; place += 1) {
    const round = Math.floor(place / REPEAT_EVERY);
    const repeated = place - pick(REPEAT_DISTANCES, round);
    const original = entries[repeated];
    const isRepeat = place % REPEAT_EVERY === REPEAT_EVERY - 1 && original !== undefined;
    if (isRepeat) repeats.set(place, repeated);
    const entry = createEntry(place);
    if (!isRepeat) entries.push(entry);
    else if (round % 4 < 2) entries.push(withNameOf(original, entry));
    else entries.push({ ...entry, domains: [domainOf(repeated)] });
  }
  return { entries, repeats };
};

const createEntry = (place: number): UniversityEntry => {
  const domain = domainOf(place);
  const { code, country } = pick(COUNTRIES, place);
  return {
    name: place < 2 ? NAMESAKE : nameOf(place),
    // Some entries have two domains. Some have only a page, and some only a domain.
    domains: place % 9 === 4 ? null : place % 5 === 0 ? [domain, `student.${domain}`] : [domain],
    web_pages: place % 9 === 5 ? [] : [`https://www.${domain}/`],
    country,
    alpha_two_code: code,
    "state-province": place % 8 === 0 ? `Región ${place}` : null,
  };
};

/** The same university under a domain of its own, its name in capital letters with the accents as characters of their own. */
const withNameOf = (original: UniversityEntry, entry: UniversityEntry): UniversityEntry => ({
  ...entry,
  name: original.name.normalize("NFD").toUpperCase(),
  country: original.country,
  alpha_two_code: original.alpha_two_code,
});

const domainOf = (place: number): string => `u${place}.${pick(COUNTRIES, place).suffix}`;

const nameOf = (place: number): string => {
  const tens = Math.floor(place / TOWN_STARTS.length);
  const hundreds = Math.floor(tens / TOWN_ENDS.length);
  return pick(NAMES, hundreds)(pick(TOWN_STARTS, place) + pick(TOWN_ENDS, tens));
};

/** The element at a place; after the last one it begins again. */
const pick = <Item>(items: readonly Item[], place: number): Item => {
  const item = items[place % items.length];
  if (item === undefined) throw new Error("There is nothing to pick from");
  return item;
};

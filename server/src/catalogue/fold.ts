/** Letters that Unicode does not decompose, and how people type them on other keyboards. */
const LETTER_SPELLINGS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ł: "l",
  þ: "th",
  ı: "i",
  ħ: "h",
};

/** Removes case and accents and turns punctuation into spaces: "São Paulo" and "sao-paulo" become "sao paulo". */
export const foldText = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[ßæœøđðłþıħ]/g, (letter) => LETTER_SPELLINGS[letter] ?? letter)
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/['’ʻ`]/g, "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/** Returns the distinct folded words of the texts, each with a space on both sides, because a search looks for " word". */
export const textsToSearchWords = (texts: readonly (string | null | undefined)[]): string =>
  ` ${[...new Set(foldText(texts.filter(Boolean).join(" ")).split(" "))].join(" ")} `;

/** Returns a LIKE pattern for each word of a query. The pattern matches at the beginning of a word. */
export const queryToPatterns = (query: string): string[] =>
  foldText(query)
    .split(" ")
    .filter(Boolean)
    .map((word) => `% ${word}%`);

/** Unicode regions that are not countries: unions, currency areas, pseudo-locales, the unknown region. */
const NOT_COUNTRIES = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);
const regionNames = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

/** Short names, for example "Hong Kong" instead of "Hong Kong SAR China". */
const shortRegionNames = new Intl.DisplayNames(["en"], { type: "region", style: "short" });

/** Returns the English name of an ISO 3166-1 alpha-2 country code, or `undefined` for any other text. */
export const countryToName = (code: string): string | undefined =>
  /^[A-Z]{2}$/.test(code) && !NOT_COUNTRIES.has(code) && canonicalCountry(code) === code
    ? regionNames.of(code)
    : undefined;

/** Returns the ISO 3166-1 alpha-2 code for a code, an alias (UK) or an English name, in upper or lower case. */
export const textToCountry = (text: string): string | undefined => {
  const code = text.trim().toUpperCase();
  const canonical = /^[A-Z]{2}$/.test(code) ? canonicalCountry(code) : undefined;
  return canonical && countryToName(canonical) ? canonical : codeByName().get(foldText(text));
};

const canonicalCountry = (code: string): string | undefined => new Intl.Locale(`und-${code}`).region;

/** Names that people use but Unicode does not list. */
const ALIASES: readonly (readonly [name: string, code: string])[] = [
  ["america", "US"],
  ["czech republic", "CZ"],
  ["great britain", "GB"],
  ["holland", "NL"],
  ["ivory coast", "CI"],
  ["korea", "KR"],
  ["macedonia", "MK"],
  ["republic of korea", "KR"],
  ["russian federation", "RU"],
  ["swaziland", "SZ"],
  ["turkey", "TR"],
  ["united states of america", "US"],
  ["usa", "US"],
  ["viet nam", "VN"],
];

let cachedCodes: ReadonlyMap<string, string> | undefined;
const codeByName = (): ReadonlyMap<string, string> =>
  (cachedCodes ??= new Map([
    ...letters.flatMap((first) => letters.flatMap((second) => namesOf(first + second))),
    ...ALIASES,
  ]));

const namesOf = (code: string): (readonly [name: string, code: string])[] => {
  const name = countryToName(code);
  return name
    ? [name, shortRegionNames.of(code) ?? name].map((variant) => [foldText(variant), code] as const)
    : [];
};

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");

/** Letters that Unicode does not decompose, as people without them type them. */
const LETTERS: Readonly<Record<string, string>> = {
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

/** Case and accents off, punctuation to spaces: "São Paulo" and "sao-paulo" become "sao paulo". */
export const foldText = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[ßæœøđðłþıħ]/g, (letter) => LETTERS[letter] ?? letter)
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/['’ʻ`]/g, "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/** The distinct words of some texts, folded, each with a space on both sides: a search looks for " word". */
export const textsToSearchWords = (texts: readonly (string | null | undefined)[]): string =>
  ` ${[...new Set(foldText(texts.filter(Boolean).join(" ")).split(" "))].join(" ")} `;

/** The words of a query, as patterns that find them at the beginning of a word. */
export const queryToPatterns = (query: string): string[] =>
  foldText(query)
    .split(" ")
    .filter(Boolean)
    .map((word) => `% ${word}%`);

/** Regions of Unicode that are no country: unions, currency areas, pseudo-locales, the unknown. */
const NO_COUNTRY = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);
const regionNames = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

/** "Hong Kong" for "Hong Kong SAR China". */
const shortRegionNames = new Intl.DisplayNames(["en"], { type: "region", style: "short" });

/** The English name of an ISO 3166-1 alpha-2 country; `undefined` for what is none. */
export const countryToName = (code: string): string | undefined =>
  /^[A-Z]{2}$/.test(code) && !NO_COUNTRY.has(code) && canonicalCountry(code) === code
    ? regionNames.of(code)
    : undefined;

/** The ISO 3166-1 alpha-2 code of a country that is given by code, alias (UK) or English name, in any case. */
export const textToCountry = (text: string): string | undefined => {
  const code = text.trim().toUpperCase();
  const canonical = /^[A-Z]{2}$/.test(code) ? canonicalCountry(code) : undefined;
  return canonical && countryToName(canonical) ? canonical : codeByName().get(foldText(text));
};

const canonicalCountry = (code: string): string | undefined => new Intl.Locale(`und-${code}`).region;

/** Names that people use and Unicode does not. */
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

let codes: ReadonlyMap<string, string> | undefined;
const codeByName = (): ReadonlyMap<string, string> =>
  (codes ??= new Map([
    ...letters.flatMap((first) => letters.flatMap((second) => namesOf(first + second))),
    ...ALIASES,
  ]));

const namesOf = (code: string): (readonly [name: string, code: string])[] => {
  const name = countryToName(code);
  return name ? [name, shortRegionNames.of(code) ?? name].map((one) => [foldText(one), code] as const) : [];
};

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");

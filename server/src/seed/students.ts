import type { CourseLevel, UserId } from "@edvoyage/protocol";
import type { UniversitySample } from "../catalogue/samples.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import type { SeedAction } from "./action.ts";
import { bioClosings, bioOpenings } from "./bios.ts";
import { createSeededRandom } from "./dice.ts";
import { fillText } from "./template.ts";
import type { SeedId } from "./ids.ts";
import { nations, type Nation } from "./nations.ts";

/** The input of a world's plan. */
export interface WorldFrame {
  readonly seed: number;
  /** The number of students. */
  readonly students: number;
  /** When the world was started. Everything in it happened before. */
  readonly beganAt: number;
  readonly idOf: SeedId;
  /** The sample catalogue. */
  readonly universities: readonly UniversitySample[];
}

/** An invented student of a world. */
export interface SeededStudent {
  readonly index: number;
  readonly id: UserId;
  readonly name: string;
  readonly nation: Nation;
  readonly homeName: string;
  readonly subject: string;
  /** Universities where the student would like to study, all in the student's preferred countries. */
  readonly goals: readonly UniversitySample[];
  readonly joinedAt: number;
  /** How much attention the student gets from others, above 0; a few students get most of it. */
  readonly fame: number;
  /** Values for the placeholders in the texts that the student writes. */
  readonly words: Readonly<Record<string, string>>;
}

/** Students joined between these days before the start of the world. They become active after all have joined. */
const FIRST_JOINED_DAYS = 80;
const LAST_JOINED_DAYS = 42;
/** How many days before the start of the world its students become active. */
export const ACTIVE_DAYS = 40;
/** Countries where students would like to study. */
const DESTINATIONS = [
  "DE",
  "NL",
  "GB",
  "CA",
  "FR",
  "AU",
  "IE",
  "SE",
  "JP",
  "US",
  "ES",
  "IT",
  "CH",
  "KR",
  "NZ",
];
const SUBJECTS = [
  "Architecture",
  "Biology",
  "Computer Science",
  "Data Science",
  "Economics",
  "Environmental Science",
  "International Relations",
  "Law",
  "Linguistics",
  "Mechanical Engineering",
  "Psychology",
  "Public Health",
];
const LEVELS: readonly CourseLevel[] = ["master", "master", "master", "bachelor", "doctorate"];

const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
const WITH_ARTICLE = new Set(["GB", "NL", "PH", "US"]);
/** Returns a country's name as it is written in a sentence. */
const countryInText = (country: string): string =>
  `${WITH_ARTICLE.has(country) ? "the " : ""}${countryNames.of(country) ?? country}`;

/** Draws the students of a world. */
export const drawStudents = (frame: WorldFrame): SeededStudent[] => {
  const taken = new Set<string>();
  return Array.from({ length: frame.students }, (_, index) => drawStudent(frame, { index, taken }));
};

const drawStudent = (
  { seed, students, beganAt, idOf, universities }: WorldFrame,
  { index, taken }: { readonly index: number; readonly taken: Set<string> },
): SeededStudent => {
  const dice = createSeededRandom(seed, "student", index);
  const nation = dice.pick(nations);
  let name = drawName(dice, nation);
  // Two students with the same name are plausible, but confuse developers who look for one of them.
  for (let tries = 0; taken.has(name) && tries < 20; tries += 1) name = drawName(dice, nation);
  taken.add(name);
  const { country } = nation;
  const destinations = dice
    .some(DESTINATIONS, dice.between(1, 4))
    .filter((destination) => destination !== country);
  const countries = destinations.length > 0 ? destinations : ["DE"];
  const goals = dice.some(
    universities.filter((university) => countries.includes(university.country)),
    4,
  );
  const goal = dice.pick(goals);
  const homeName = countryInText(country);
  const subject = dice.pick(SUBJECTS);
  const joinedDays =
    FIRST_JOINED_DAYS - ((FIRST_JOINED_DAYS - LAST_JOINED_DAYS) * index) / Math.max(1, students - 1);
  const joinedAt = beganAt - Math.floor(joinedDays * DAY_MS) - dice.below(12 * HOUR_MS);
  return {
    index,
    id: idOf<UserId>(joinedAt, "student", index),
    name,
    nation,
    homeName,
    subject,
    goals,
    joinedAt,
    // Developers sign in as the first student, who should have much to see.
    fame: index === 0 ? 1 : 1 / (1 + dice.below(students)) ** 0.8,
    words: {
      university: goal.name,
      city: goal.city ?? goal.name,
      country: countryInText(goal.country),
      subject,
      home: homeName,
      greeting: nation.greeting,
      wish: nation.wish,
    },
  };
};

const drawName = (
  dice: ReturnType<typeof createSeededRandom>,
  { givenNames, familyNames, isFamilyFirst, separator }: Nation,
): string => {
  const names = [dice.pick(givenNames), dice.pick(familyNames)];
  return (isFamilyFirst ? names.reverse() : names).join(separator);
};

/** Plans that each student joins and fills in their profile a few minutes later. */
export const planStudents = (frame: WorldFrame, students: readonly SeededStudent[]): SeedAction[] =>
  students.flatMap((student): SeedAction[] => {
    const { id, index, name, nation, words, goals, joinedAt } = student;
    const dice = createSeededRandom(frame.seed, "profile", index);
    const opening = fillText(dice.pick(bioOpenings), words);
    const bio = dice.pick([
      `${opening} ${dice.pick(bioClosings)}`,
      `${opening}\n${nation.wish}`,
      `${nation.greeting} ${opening}`,
      opening,
    ]);
    const home = frame.universities.filter(({ country }) => country === nation.country);
    const birthYear = new Date(joinedAt).getUTCFullYear() - dice.between(19, 29);
    const profile = {
      name,
      bio,
      institution: home.length > 0 ? dice.pick(home).name : null,
      homeCountry: nation.country,
      dateOfBirth: `${birthYear}-${pad(dice.between(1, 12))}-${pad(dice.between(1, 28))}`,
      preferredCountries: [...new Set(goals.map(({ country }) => country))],
      preferredLevels: [dice.pick(LEVELS)],
    };
    return [
      { at: joinedAt, adds: "students", run: ({ register }) => register({ id, at: joinedAt }) },
      {
        at: joinedAt + dice.between(2, 20) * MINUTE_MS,
        adds: null,
        run: ({ profiles }) => profiles.update({ userId: id, commandId: null }, profile),
      },
    ];
  });

const pad = (part: number): string => String(part).padStart(2, "0");

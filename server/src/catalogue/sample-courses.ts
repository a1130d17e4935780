import { createHash } from "node:crypto";

/** An invented course of a real university. The app shows it as sample data, never as an offer. */
export interface SampleCourse {
  readonly title: string;
  readonly level: "bachelor" | "master" | "doctorate";
  readonly subject: string;
  readonly language: string;
  readonly durationMonths: number;
  readonly tuitionPerYear: number;
  readonly currency: string;
  readonly startMonth: number;
  readonly applicationFee: number;
  readonly deadline: MonthDay;
}

/** A day of the year: month 1 to 12, day 1 to 31. */
type MonthDay = readonly [month: number, day: number];

const SUBJECTS = [
  "Architecture",
  "Biology",
  "Business Administration",
  "Chemistry",
  "Civil Engineering",
  "Computer Science",
  "Data Science",
  "Economics",
  "Education",
  "Electrical Engineering",
  "Environmental Science",
  "Finance",
  "History",
  "International Relations",
  "Law",
  "Linguistics",
  "Mathematics",
  "Mechanical Engineering",
  "Medicine",
  "Nursing",
  "Philosophy",
  "Physics",
  "Psychology",
  "Public Health",
  "Sociology",
] as const;

const LEVELS = [
  { level: "bachelor", title: (subject: string) => `Bachelor in ${subject}`, durationMonths: [36, 48] },
  { level: "master", title: (subject: string) => `Master in ${subject}`, durationMonths: [12, 24] },
  { level: "doctorate", title: (subject: string) => `Doctorate in ${subject}`, durationMonths: [36, 48] },
] as const;

/** Deadlines by level and start month. Migration 0012 gave the same ones to courses that already existed. */
const DEADLINES: Readonly<Record<SampleCourse["level"], { readonly 1: MonthDay; readonly 9: MonthDay }>> = {
  bachelor: { 1: [8, 31], 9: [1, 31] },
  master: { 1: [9, 30], 9: [3, 31] },
  doctorate: { 1: [7, 31], 9: [12, 15] },
};
/** The application fee as a share of a year's tuition. Doctorates have no fee. */
const FEE_SHARE = 1 / 250;

/** Two bachelors, two masters and a doctorate. */
const LEVEL_OF_COURSE = [0, 0, 1, 1, 2] as const;

const CURRENCIES: Readonly<Record<string, string>> = {
  GB: "GBP",
  US: "USD",
  CA: "CAD",
  AU: "AUD",
  NZ: "NZD",
  CH: "CHF",
  SE: "SEK",
  NO: "NOK",
  DK: "DKK",
  JP: "JPY",
  IN: "INR",
  CN: "CNY",
  SG: "SGD",
};
const EURO_COUNTRIES = new Set("AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split(" "));
/** Rough exchange rates to one US dollar, so that fees look realistic. Default: 1. */
const UNITS_PER_DOLLAR: Readonly<Record<string, number>> = {
  JPY: 150,
  INR: 80,
  CNY: 7,
  SEK: 10,
  NOK: 10,
  DKK: 7,
};

/** Creates five courses for a university. The same university always gets the same courses. */
export const createSampleCourses = (university: string, country: string): SampleCourse[] => {
  const bytes = createHash("sha256").update(`${country}:${university}`).digest();
  const currency = CURRENCIES[country] ?? (EURO_COUNTRIES.has(country) ? "EUR" : "USD");
  return LEVEL_OF_COURSE.map((levelIndex, index) => {
    const { level, title, durationMonths } = LEVELS[levelIndex];
    const [subjectByte = 0, durationByte = 0, feeByte = 0, startByte = 0] = bytes.subarray(
      index * 4,
      index * 4 + 4,
    );
    // Each course takes its subject from another fifth of the list, so that the five subjects differ.
    const subject = SUBJECTS[((subjectByte % 5) + index * 5) % SUBJECTS.length] ?? SUBJECTS[0];
    const startMonth = startByte % 4 === 0 ? 1 : 9;
    const tuitionPerYear = Math.round((5 + (feeByte % 30)) * (UNITS_PER_DOLLAR[currency] ?? 1)) * 1000;
    return {
      title: title(subject),
      level,
      subject,
      language: "English",
      durationMonths: durationMonths[durationByte % 2] ?? durationMonths[0],
      tuitionPerYear,
      currency,
      startMonth,
      applicationFee: level === "doctorate" ? 0 : Math.round(tuitionPerYear * FEE_SHARE),
      deadline: DEADLINES[level][startMonth],
    };
  });
};

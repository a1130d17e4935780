import type { ApplicationStatus } from "@edvoyage/protocol";

/**
 * First sentences of bios. Placeholders: `{subject}`, `{home}` and `{country}` (where the student would like to study).
 */
export const bioOpenings: readonly string[] = [
  "{subject} student, soon somewhere far from home.",
  "Studying {subject}, dreaming of {country}.",
  "{subject} by day, film photography by night.",
  "From {home}, hoping for {country} next year.",
  "I collect scholarship deadlines and fridge magnets.",
  "Final year of {subject}. Ask me about exchange semesters.",
  "First in my family to apply abroad. {subject} all the way.",
  "Applying to {country} this autumn and writing about it here.",
  "Half {subject}, half spreadsheet of universities.",
  "Once an exchange student, always an exchange student.",
  "{subject}, strong coffee, weak umbrellas.",
  "Gap year over. {subject} in {country}, if the visa gods agree.",
];

/** Last sentences of bios. */
export const bioClosings: readonly string[] = [
  "I run when I should be writing essays.",
  "Happy to read your statement of purpose.",
  "Learning my fourth language, slowly.",
  "Climbing, choir, and too many podcasts.",
  "Looking for flatmates who cook.",
  "Volunteer tutor on Saturdays.",
  "Ask me about IELTS, I took it twice.",
  "Always up for a video call with other applicants.",
  "Chess, badminton and long train rides.",
  "I answer messages faster than e-mails.",
];

/** Statements of purpose in applications. Placeholders: `{university}`, `{subject}`, `{city}` and `{home}`. */
export const statements: readonly string[] = [
  "I want to study {subject} at {university} because my final project raised a question that nobody around me could answer, and the people who work on it are in {city}.",
  "Growing up in {home} I saw how much depends on people who understand {subject}. {university} would give me the tools, and I mean to bring them back.",
  "For two years I have worked beside my studies. It taught me what I do not know, and the programme of {university} reads like the list of exactly that.",
  "I have read the theses of the last three years from {university}. I would like to write one that belongs beside them.",
  "My teachers in {home} sent their best students to {city}. I would like to be one who comes back and sends more.",
];

/** Notes of the admissions office on a step, by the new status. */
export const stepNotes: Readonly<Partial<Record<ApplicationStatus, readonly string[]>>> = {
  under_review: [
    "Your file is complete. We read it within three weeks.",
    "Two colleagues are reading your application.",
  ],
  interview: [
    "We would like to talk to you for twenty minutes. You will get a link.",
    "Please choose a time for a conversation with the programme director.",
  ],
  accepted: [
    "Congratulations! We would be glad to welcome you.",
    "The committee was unanimous. Please confirm your place in time.",
  ],
  rejected: [
    "There were many more good applications than places this year.",
    "The required courses in statistics are missing. You are welcome to apply again.",
  ],
  waitlisted: ["You are number 7 of our list. Places become free until August."],
  deferred: ["We decide together with the next round, and you need do nothing."],
};

/** Notes of students who withdraw an application. */
export const withdrawalNotes: readonly string[] = [
  "I have accepted an offer elsewhere. Thank you for your time!",
  "My plans have changed: I stay at home for another year.",
];

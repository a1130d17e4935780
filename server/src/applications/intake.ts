/** When a course starts each year, and until when one applies for a start. */
export interface IntakeTerms {
  /** 1 to 12. */
  readonly start_month: number;
  /** With `deadline_day`, the last day on which one applies; `null` when any time before the start will do. */
  readonly deadline_month: number | null;
  readonly deadline_day: number | null;
}

/** One start of a course. */
export interface Intake {
  readonly year: number;
  /** The first instant that is too late, where the course has a deadline. */
  readonly deadline: number | null;
}

/** The start of a course in a year. A deadline is the end of its day (UTC), in the twelve months before the start. */
export const intakeOf = (terms: IntakeTerms, year: number): Intake => {
  const { start_month: startMonth, deadline_month: month, deadline_day: day } = terms;
  if (month === null || day === null) return { year, deadline: null };
  return { year, deadline: Date.UTC(month < startMonth ? year : year - 1, month - 1, day + 1) };
};

/** Whether it is too late to apply for a start: its deadline has passed, or teaching has begun. */
export const isOver = (terms: IntakeTerms, { year, deadline }: Intake, now: number): boolean =>
  now >= (deadline ?? Date.UTC(year, terms.start_month - 1));

/** The next start of a course that one can still apply for. */
export const nextIntake = (terms: IntakeTerms, now: number): Intake => {
  const thisYear = new Date(now).getUTCFullYear();
  const intake = intakeOf(terms, thisYear);
  if (!isOver(terms, intake, now)) return intake;
  const following = intakeOf(terms, thisYear + 1);
  // A deadline late in the year is one for the year after next.
  return isOver(terms, following, now) ? intakeOf(terms, thisYear + 2) : following;
};

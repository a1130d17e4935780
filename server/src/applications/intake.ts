/** The yearly start of a course, and its yearly deadline for applications. */
export interface IntakeTerms {
  /** 1 to 12. */
  readonly start_month: number;
  /** With `deadline_day`, the last day to apply. `null` when applications are open until the start. */
  readonly deadline_month: number | null;
  readonly deadline_day: number | null;
}

/** The start of a course in one year. */
export interface Intake {
  readonly year: number;
  /** The first instant that is too late to apply; `null` when the course has no deadline. */
  readonly deadline: number | null;
}

/** Returns the intake of a course in a year. The deadline is the end of its day (UTC), in the twelve months before the start. */
export const intakeOf = (terms: IntakeTerms, year: number): Intake => {
  const { start_month: startMonth, deadline_month: month, deadline_day: day } = terms;
  if (month === null || day === null) return { year, deadline: null };
  return { year, deadline: Date.UTC(month < startMonth ? year : year - 1, month - 1, day + 1) };
};

/** Returns whether it is too late to apply: the deadline has passed or, without a deadline, the start month has begun. */
export const isTooLate = (terms: IntakeTerms, { year, deadline }: Intake, now: number): boolean =>
  now >= (deadline ?? Date.UTC(year, terms.start_month - 1));

/** Returns the next intake that is still open for applications. */
export const nextIntake = (terms: IntakeTerms, now: number): Intake => {
  const thisYear = new Date(now).getUTCFullYear();
  const intake = intakeOf(terms, thisYear);
  if (!isTooLate(terms, intake, now)) return intake;
  const following = intakeOf(terms, thisYear + 1);
  // A deadline late in the year belongs to the intake of the next year, so the next open intake may be in two years.
  return isTooLate(terms, following, now) ? intakeOf(terms, thisYear + 2) : following;
};

/** The levels of courses in the catalogue. */
export const COURSE_LEVELS = ["bachelor", "master", "doctorate"] as const;
/** The degree that a course leads to. */
export type CourseLevel = (typeof COURSE_LEVELS)[number];

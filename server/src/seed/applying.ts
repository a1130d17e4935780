import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationId,
  ApplicationStatus,
  CommandId,
  Funding,
} from "@edvoyage/protocol";
import type { CourseSample } from "../catalogue/samples.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import { nextIntake } from "../applications/intake.ts";
import type { SeedAction } from "./action.ts";
import { statements, stepNotes, withdrawalNotes } from "./bios.ts";
import { createSeededRandom, type SeededRandom } from "./dice.ts";
import { fillText } from "./template.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";

/** The status histories of applications. Each is used once before the first is repeated. */
const STATUS_PATHS: readonly (readonly ApplicationStatus[])[] = [
  ["draft", "submitted", "under_review", "interview"],
  ["draft"],
  ["draft", "submitted", "under_review", "interview", "accepted"],
  ["draft", "submitted"],
  ["draft", "submitted", "under_review", "rejected"],
  ["draft", "submitted", "under_review"],
  ["draft", "submitted", "under_review", "interview", "waitlisted"],
  ["draft", "submitted", "withdrawn"],
  ["draft", "submitted", "under_review", "deferred"],
  ["draft", "submitted", "under_review", "accepted"],
  ["draft"],
  ["draft", "submitted", "under_review", "interview", "rejected"],
  ["draft", "submitted", "under_review", "accepted", "withdrawn"],
  ["draft", "submitted"],
];
const MOST_APPLICATIONS = 3;
const FUNDINGS: readonly Funding[] = ["scholarship", "scholarship", "family", "self", "loan", "undecided"];
/** Documents that a draft needs before it can be submitted. */
const REQUIRED: readonly (readonly [ApplicationDocumentKind, string])[] = [
  ["passport", "passport.pdf"],
  ["transcript", "transcript-of-records.pdf"],
];
/** Documents that may be added. */
const OPTIONAL: readonly (readonly [ApplicationDocumentKind, string])[] = [
  ["cv", "cv.pdf"],
  ["language-certificate", "ielts.pdf"],
  ["reference-letter", "reference-prof.pdf"],
  ["statement", "portfolio.pdf"],
];

/** Plans applications in every status, each with its steps and documents. Students are notified of each step. */
export const planApplications = (frame: WorldFrame, students: readonly SeededStudent[]): SeedAction[] => {
  let place = 0;
  return students.flatMap((student) => {
    const dice = createSeededRandom(frame.seed, "applications", student.index);
    // The first students have at least one application each, so that every status history is used.
    const least = student.index < STATUS_PATHS.length ? 1 : 0;
    const courses = dice.some(
      student.goals.flatMap((university) => university.courses),
      dice.between(least, MOST_APPLICATIONS),
    );
    return courses.flatMap((course) => planApplication(frame, student, { course, place: place++ }));
  });
};

const planApplication = (
  frame: WorldFrame,
  student: SeededStudent,
  { course, place }: { readonly course: CourseSample; readonly place: number },
): SeedAction[] => {
  const dice = createSeededRandom(frame.seed, "application", place);
  const statuses = STATUS_PATHS[place % STATUS_PATHS.length] ?? [];
  const createdAt = frame.beganAt - (ACTIVE_DAYS - 2) * DAY_MS + dice.below(6 * DAY_MS);
  // The last step is never after the start of the world, however many steps there are.
  const stepMs = (ACTIVE_DAYS - 10) * DAY_MS * (1 / Math.max(4, statuses.length));
  const stepAt = (step: number): number => Math.floor(createdAt + stepMs * step + dice.below(2 * DAY_MS));
  const instants = statuses.map((_, step) => (step === 0 ? createdAt : stepAt(step)));
  const applicationId = frame.idOf<ApplicationId>(createdAt, "application", place);
  const source = { userId: student.id, commandId: null };
  const submittedAt = instants[1] ?? frame.beganAt;
  const isComplete = statuses.length > 1;
  const fields = {
    intakeYear: nextIntake(course, submittedAt).year,
    studyMode: dice.isWithin(0.85) ? ("full-time" as const) : ("part-time" as const),
    contactEmail: `student${student.index + 1}@example.org`,
    funding: dice.pick(FUNDINGS),
    statement:
      isComplete || dice.isWithin(0.5)
        ? fillText(dice.pick(statements), {
            university: course.universityName,
            city: course.city ?? course.universityName,
            subject: course.subject,
            home: student.homeName,
          })
        : null,
    notes: dice.isWithin(0.2) ? "I can send originals by post." : null,
  };
  const create: SeedAction = {
    at: createdAt,
    adds: "applications",
    run: ({ applications }) =>
      applications.create(
        { userId: student.id, commandId: toCommandId(applicationId) },
        { courseId: course.id, fields },
      ),
  };

  const kinds = [
    ...(isComplete ? REQUIRED : REQUIRED.slice(dice.below(3))),
    ...dice.some(OPTIONAL, dice.below(3)),
  ];
  const documents = kinds.map(([kind, name], index) => {
    const at = createdAt + (index + 1) * dice.between(2, 40) * MINUTE_MS;
    const isRequired = REQUIRED.some(([required]) => required === kind);
    return {
      at,
      kind,
      id: frame.idOf<ApplicationDocumentId>(at, "document", place, index),
      name,
      status: isRequired || dice.isWithin(0.6) ? ("uploaded" as const) : ("expected" as const),
    };
  });
  const added = documents.map(({ id, at, ...document }): SeedAction => ({
    at,
    adds: null,
    run: ({ applications }) =>
      applications.addDocument(
        { userId: student.id, commandId: toCommandId(id) },
        { applicationId, ...document },
      ),
  }));

  const steps = statuses.slice(1).map((status, step): SeedAction => {
    const at = instants[step + 1] ?? createdAt;
    switch (status) {
      case "submitted":
        return { at, adds: null, run: ({ applications }) => applications.submit(source, { applicationId }) };
      case "withdrawn": {
        const note = dice.pick(withdrawalNotes);
        return {
          at,
          adds: null,
          run: ({ applications }) => applications.withdraw(source, { applicationId, note }),
        };
      }
      default: {
        const note = noteOf(dice, status);
        return { at, adds: null, run: ({ admissions }) => admissions.move({ applicationId, status, note }) };
      }
    }
  });

  const reviewedAt = instants[statuses.indexOf("under_review")];
  const judged =
    reviewedAt === undefined
      ? []
      : documents
          .filter(({ status }) => status === "uploaded")
          .map(({ id: documentId }, index): SeedAction => {
            const isGood = dice.isWithin(0.95);
            return {
              at: reviewedAt + (index + 1) * HOUR_MS,
              adds: null,
              run: ({ admissions }) =>
                admissions.setDocument({
                  applicationId,
                  documentId,
                  status: isGood ? "accepted" : "rejected",
                  note: isGood ? null : "The scan is cut off at the bottom. Please upload it again.",
                }),
            };
          });
  return [create, ...added, ...steps.slice(0, 2), ...judged, ...steps.slice(2)];
};

const noteOf = (dice: SeededRandom, status: ApplicationStatus): string | null => {
  const notes = stepNotes[status];
  return notes ? dice.pick(notes) : null;
};

/** Uses the id of the created row as the id of its command. */
const toCommandId = (id: ApplicationId | ApplicationDocumentId): CommandId => id as string as CommandId;

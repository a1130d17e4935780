import type { Database, UnitOfWork } from "@edvoyage/db";
import {
  listMissing,
  type ApplicationFields,
  type ApplicationId,
  type ApplicationStatus,
  type CourseId,
  type Limits,
  type UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { intakeOf, isTooLate } from "./intake.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import {
  rowToApplication,
  rowToFields,
  rowToMove,
  type SentApplication,
  type ApplicationMove,
} from "./application.ts";
import { mergeDraft, type DraftEdit } from "./applications.rules.ts";
import { applicationQueries as queries, type ApplicationRow, type CourseRow } from "./applications.store.ts";
import { documentQueries } from "./documents.store.ts";
import { createApplicationDocuments, type ApplicationDocuments } from "./documents.ts";
import {
  assertMayMove,
  createConflict,
  createChange,
  noSuchApplication,
  recordStep,
  applyStep,
  toApplication,
} from "./steps.ts";

interface PageRequest {
  readonly cursor?: string | null | undefined;
  readonly limit: number;
}

/** A student's request to move an application. */
export interface ApplicationMoveRequest {
  readonly applicationId: ApplicationId;
  /** The status that the student has seen. Default: not checked. */
  readonly from?: ApplicationStatus | undefined;
}

/**
 * A student's own applications. Another student's application is `not-found`, exactly like one that does not exist. Every
 * change returns the application as it is now, also for a retry. Every `conflict` carries the current application in
 * `details.application`.
 */
export interface Applications extends ApplicationDocuments {
  /** Lists applications, newest first by their creation on the device. */
  list(
    userId: UserId,
    page: PageRequest & { readonly status?: ApplicationStatus | undefined },
  ): Promise<Page<SentApplication>>;
  get(userId: UserId, applicationId: ApplicationId): Promise<SentApplication>;
  /** Lists the steps of an application, oldest first. */
  history(
    userId: UserId,
    page: PageRequest & { readonly applicationId: ApplicationId },
  ): Promise<Page<ApplicationMove>>;
  /**
   * Creates a draft; its id is the command's. Throws `not-found` for the course, `conflict` when the student has an
   * application to it that is neither rejected nor withdrawn, `limit/reached` (applicationsPerUser,
   * applicationTextCharacters).
   */
  create(
    source: CommandSource,
    input: { readonly courseId: CourseId; readonly fields: Partial<ApplicationFields> },
  ): Promise<SentApplication>;
  /**
   * Changes fields of a draft, either all of them or none. Throws `conflict` with the names of the fields that another
   * device changed meanwhile, `conflict` when it is no longer a draft, and `limit/reached` (applicationTextCharacters).
   */
  update(
    source: CommandSource,
    input: DraftEdit & { readonly applicationId: ApplicationId },
  ): Promise<SentApplication>;
  /**
   * Submits a draft and stores the current fee and deadline with it. Throws `input/invalid` with a list of what is missing,
   * and `conflict` when it is not a draft, the course is no longer offered, or the deadline has passed.
   */
  submit(source: CommandSource, input: ApplicationMoveRequest): Promise<SentApplication>;
  /** Withdraws an application. Throws `conflict` when the table of transitions forbids it or the current status is not `from`. */
  withdraw(
    source: CommandSource,
    input: ApplicationMoveRequest & { readonly note?: string | null | undefined },
  ): Promise<SentApplication>;
}

export interface ApplicationsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
}

/** A position after every id. */
const AFTER_ALL_IDS = "~";

const EMPTY_FIELDS: ApplicationFields = {
  intakeYear: null,
  studyMode: null,
  contactEmail: null,
  funding: null,
  statement: null,
  notes: null,
};

export const createApplications = (deps: ApplicationsDeps): Applications => {
  const { database, commands, areas, clock, newId, limits } = deps;
  const { read } = database;

  const find = async (userId: UserId, id: ApplicationId): Promise<ApplicationRow> => {
    const row = await read.first(queries.own, { userId, id });
    if (!row) throw noSuchApplication();
    return row;
  };

  const get: Applications["get"] = async (userId, id) =>
    toApplication(read, await find(userId, id), clock.now());

  const change = createChange(deps);

  const assertTextsFit = ({ statement, notes }: Partial<ApplicationFields>): void => {
    const longest = Math.max(statement?.length ?? 0, notes?.length ?? 0);
    if (longest <= limits.applicationTextCharacters) return;
    throw new AppError("limit/reached", "This text is too long.", { limit: "applicationTextCharacters" });
  };

  return {
    list: async (userId, { status, cursor, limit }) => {
      const position = parseCursor(cursor, "applications", z.tuple([z.string()]));
      const page = { userId, before: toApplicationId(position?.[0] ?? AFTER_ALL_IDS), limit: limit + 1 };
      const rows = status
        ? await read.all(queries.pageOfStatus, { ...page, status })
        : await read.all(queries.page, page);
      const [greatest, least] = [rows[0]?.id, rows.at(-1)?.id];
      const documents =
        greatest && least
          ? await read.all(documentQueries.documentsBetween, { userId, least, greatest })
          : [];
      const now = clock.now();
      return toPage(rows, limit, {
        list: "applications",
        itemOf: (row) =>
          rowToApplication(row, {
            documents: documents.filter((document) => document.application_id === row.id),
            now,
          }),
        positionOf: ({ id }) => [id],
      });
    },

    get,

    history: async (userId, { applicationId, cursor, limit }) => {
      await find(userId, applicationId);
      const position = parseCursor(cursor, "applications.history", z.tuple([z.int32()]));
      const after = position?.[0] ?? -1;
      const rows = await read.all(queries.history, { applicationId, after, limit: limit + 1 });
      return toPage(rows, limit, {
        list: "applications.history",
        itemOf: rowToMove,
        positionOf: (row) => [row.position],
      });
    },

    create: async (source, input) => {
      assertTextsFit(input.fields);
      const { userId, commandId } = source;
      const command = { procedure: "applications.create", input };
      const { id } = await commands.execute(source, command, async (tx, now) => {
        const { courseId } = input;
        await tx.lock(`applications:${userId}`);
        const id = commandId === null ? newId<ApplicationId>(now) : toApplicationId(commandId);
        const existing = await tx.first(queries.own, { userId, id });
        if (existing?.course_id === courseId) return { id };
        const course = await tx.first(queries.course, { id: courseId });
        if (!course) throw new AppError("not-found", "There is no such course.");
        await assertMayApply(tx, { userId, courseId, now });
        const row = {
          id,
          userId,
          ...courseToKeep(course),
          ...EMPTY_FIELDS,
          ...input.fields,
          courseId,
          now,
        };
        if (!(await tx.first(queries.insert, row))) throw createIdTakenError();
        await recordStep(
          tx,
          { id },
          { from: null, to: "draft", by: "student", actorId: userId, note: null, now },
        );
        await areas.touch(tx, userId, { area: "applications", now });
        return { id };
      });
      return get(userId, id);
    },

    update: (source, input) => {
      assertTextsFit(input.changes);
      return change(source, { procedure: "applications.update", input }, async (tx, row, now) => {
        if (row.status !== "draft") {
          throw await createConflict(tx, row, { message: "Only a draft can be edited.", now });
        }
        const merge = mergeDraft(rowToFields(row), input);
        if (merge.state === "collided") {
          const message = "Another device changed the same fields meanwhile. Nothing was changed.";
          throw await createConflict(tx, row, { message, now, fields: merge.fields });
        }
        await tx.all(queries.updateFields, { id: row.id, ...merge.fields, now });
      });
    },

    submit: (source, input) =>
      change(source, { procedure: "applications.submit", input }, async (tx, row, now) => {
        const { userId } = source;
        const step = {
          to: "submitted",
          by: "student",
          actorId: userId,
          from: input.from,
          note: null,
          now,
        } as const;
        await assertMayMove(tx, row, step);
        const documents = await tx.all(documentQueries.documentsOf, { applicationId: row.id });
        const missing = listMissing(rowToFields(row), documents);
        if (missing.length > 0 || row.intake_year === null) {
          throw new AppError("input/invalid", "The application is not complete.", { issues: missing });
        }
        const course = await tx.first(queries.course, { id: row.course_id });
        if (!course) {
          throw await createConflict(tx, row, { message: "The course is no longer offered.", now });
        }
        const intake = intakeOf(course, row.intake_year);
        if (isTooLate(course, intake, now)) {
          throw await createConflict(tx, row, { message: "It is too late to apply for this intake.", now });
        }
        const terms = { ...courseToKeep(course), fee: course.application_fee, deadline: intake.deadline };
        await tx.all(queries.keepTerms, { id: row.id, ...terms, now });
        await applyStep(tx, row, step);
      }),

    withdraw: (source, input) =>
      change(source, { procedure: "applications.withdraw", input }, async (tx, row, now) => {
        const { userId } = source;
        const { from, note = null } = input;
        const step = { to: "withdrawn", by: "student", actorId: userId, from, note, now } as const;
        await assertMayMove(tx, row, step);
        await applyStep(tx, row, step);
      }),

    ...createApplicationDocuments({ change, newId, limits }),
  };

  /** Throws unless the student may create one more application and has no open one to this course. */
  async function assertMayApply(
    tx: UnitOfWork,
    { userId, courseId, now }: { readonly userId: UserId; readonly courseId: CourseId; readonly now: number },
  ): Promise<void> {
    const other = await tx.first(queries.openByCourse, { userId, courseId });
    if (other) {
      const message = "You already have an open application to this course.";
      throw await createConflict(tx, other, { message, now });
    }
    const counted = await tx.first(queries.count, { userId });
    if ((counted?.count ?? 0) >= limits.applicationsPerUser) {
      throw new AppError("limit/reached", "You have the maximum number of applications.", {
        limit: "applicationsPerUser",
      });
    }
  }
};

/** Creates the error for a command id that already belongs to an application: of a forgotten command, or of another student. */
const createIdTakenError = () =>
  new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });

/** Returns the columns of a course that an application copies. */
const courseToKeep = (course: CourseRow) => ({
  courseTitle: course.title,
  courseLevel: course.level,
  universityId: course.university_id,
  universityName: course.university_name,
  country: course.country,
  startMonth: course.start_month,
  currency: course.currency,
});

const toApplicationId = (text: string): ApplicationId => text as ApplicationId;

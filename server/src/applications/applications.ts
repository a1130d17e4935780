import type { Database, UnitOfWork } from "@edvoyage/db";
import type {
  ApplicationFields,
  ApplicationId,
  ApplicationStatus,
  CourseId,
  Limits,
  UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { intakeOf, isOver } from "./intake.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import {
  rowToApplication,
  rowToFields,
  rowToMove,
  type Application,
  type ApplicationMove,
} from "./application.ts";
import { mergeDraft, missingOf, type DraftEdit } from "./applications.rules.ts";
import { applicationQueries as queries, type ApplicationRow, type CourseRow } from "./applications.store.ts";
import { createApplicationDocuments, type ApplicationDocuments } from "./documents.ts";
import {
  assertMayMove,
  conflictOver,
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

/** Which application, and which status the student has seen it in, if that matters to her. */
export interface ApplicationMoveRequest {
  readonly applicationId: ApplicationId;
  readonly from?: ApplicationStatus | undefined;
}

/**
 * What students do with their own applications. Somebody else's is `not-found`, as is one that nobody made. Every change
 * answers with the application as it is now, also when its command is repeated, and its `conflict` says in `details.application` what it is now.
 */
export interface Applications extends ApplicationDocuments {
  /** Newest first, by when the device made them. */
  list(
    userId: UserId,
    page: PageRequest & { readonly status?: ApplicationStatus | undefined },
  ): Promise<Page<Application>>;
  get(userId: UserId, applicationId: ApplicationId): Promise<Application>;
  /** Its steps in their order, its beginning first. */
  history(
    userId: UserId,
    page: PageRequest & { readonly applicationId: ApplicationId },
  ): Promise<Page<ApplicationMove>>;
  /**
   * Makes a draft; its id is the command's. Throws `not-found` for the course, `conflict` when she has an application to it
   * that is neither rejected nor withdrawn, `limit/reached` (applicationsPerUser, applicationTextCharacters).
   */
  create(
    asking: CommandSource,
    input: { readonly courseId: CourseId; readonly fields: Partial<ApplicationFields> },
  ): Promise<Application>;
  /**
   * Changes fields of a draft, all of them or none. Throws `conflict` with the names of those that another device wrote
   * to since this one read them, or when it is no draft any more, and `limit/reached` (applicationTextCharacters).
   */
  update(
    asking: CommandSource,
    input: DraftEdit & { readonly applicationId: ApplicationId },
  ): Promise<Application>;
  /**
   * Hands a draft in, and keeps the fee and the deadline of now with it. Throws `input/invalid` naming what is missing, and
   * `conflict` when it is no draft, its course is gone or its deadline has passed.
   */
  submit(asking: CommandSource, input: ApplicationMoveRequest): Promise<Application>;
  /** Throws `conflict` when the table of transitions does not let her, or its status is not the one that she saw. */
  withdraw(
    asking: CommandSource,
    input: ApplicationMoveRequest & { readonly note?: string | null | undefined },
  ): Promise<Application>;
}

export interface ApplicationsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
}

/** Greater than every id. */
const AFTER_ALL = "~";

const NOTHING_FILLED_IN: ApplicationFields = {
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

  const assertFits = ({ statement, notes }: Partial<ApplicationFields>): void => {
    const longest = Math.max(statement?.length ?? 0, notes?.length ?? 0);
    if (longest <= limits.applicationTextCharacters) return;
    throw new AppError("limit/reached", "This text is too long.", { limit: "applicationTextCharacters" });
  };

  return {
    list: async (userId, { status, cursor, limit }) => {
      const position = parseCursor(cursor, "applications", z.tuple([z.string()]));
      const page = { userId, before: toApplicationId(position?.[0] ?? AFTER_ALL), limit: limit + 1 };
      const rows = status
        ? await read.all(queries.pageOfStatus, { ...page, status })
        : await read.all(queries.page, page);
      const [greatest, least] = [rows[0]?.id, rows.at(-1)?.id];
      const documents =
        greatest && least ? await read.all(queries.documentsBetween, { userId, least, greatest }) : [];
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

    create: async (asking, input) => {
      assertFits(input.fields);
      const { userId, commandId } = asking;
      const command = { procedure: "applications.create", input };
      const { id } = await commands.execute(asking, command, async (tx, now) => {
        const { courseId } = input;
        await tx.lock(`applications:${userId}`);
        const id = commandId === null ? newId<ApplicationId>(now) : toApplicationId(commandId);
        const made = await tx.first(queries.own, { userId, id });
        if (made?.course_id === courseId) return { id };
        const course = await tx.first(queries.course, { id: courseId });
        if (!course) throw new AppError("not-found", "There is no such course.");
        await assertRoom(tx, { userId, courseId, now });
        const row = {
          id,
          userId,
          ...courseToKeep(course),
          ...NOTHING_FILLED_IN,
          ...input.fields,
          courseId,
          now,
        };
        if (!(await tx.first(queries.insert, row))) throw takenId();
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

    update: (asking, input) => {
      assertFits(input.changes);
      return change(asking, { procedure: "applications.update", input }, async (tx, row, now) => {
        if (row.status !== "draft") {
          throw await conflictOver(tx, row, { message: "Only a draft is edited.", now });
        }
        const merge = mergeDraft(rowToFields(row), input);
        if (merge.state === "collided") {
          const message = "Another device wrote to the same fields meanwhile: nothing was changed.";
          throw await conflictOver(tx, row, { message, now, fields: merge.fields });
        }
        await tx.all(queries.updateFields, { id: row.id, ...merge.fields, now });
      });
    },

    submit: (asking, input) =>
      change(asking, { procedure: "applications.submit", input }, async (tx, row, now) => {
        const { userId } = asking;
        const step = {
          to: "submitted",
          by: "student",
          actorId: userId,
          from: input.from,
          note: null,
          now,
        } as const;
        await assertMayMove(tx, row, step);
        const documents = await tx.all(queries.documentsOf, { applicationId: row.id });
        const missing = missingOf(rowToFields(row), documents);
        if (missing.length > 0 || row.intake_year === null) {
          throw new AppError("input/invalid", "The application is not complete.", { issues: missing });
        }
        const course = await tx.first(queries.course, { id: row.course_id });
        if (!course) {
          throw await conflictOver(tx, row, { message: "The course is not offered any more.", now });
        }
        const intake = intakeOf(course, row.intake_year);
        if (isOver(course, intake, now)) {
          throw await conflictOver(tx, row, { message: "It is too late to apply for this start.", now });
        }
        const terms = { ...courseToKeep(course), fee: course.application_fee, deadline: intake.deadline };
        await tx.all(queries.keepTerms, { id: row.id, ...terms, now });
        await applyStep(tx, row, step);
      }),

    withdraw: (asking, input) =>
      change(asking, { procedure: "applications.withdraw", input }, async (tx, row, now) => {
        const { userId } = asking;
        const { from, note = null } = input;
        const step = { to: "withdrawn", by: "student", actorId: userId, from, note, now } as const;
        await assertMayMove(tx, row, step);
        await applyStep(tx, row, step);
      }),

    ...createApplicationDocuments({ change, newId, limits }),
  };

  /** Throws unless the student may make one more application, and one to this course. */
  async function assertRoom(
    tx: UnitOfWork,
    { userId, courseId, now }: { readonly userId: UserId; readonly courseId: CourseId; readonly now: number },
  ): Promise<void> {
    const other = await tx.first(queries.openTo, { userId, courseId });
    if (other) {
      const message = "There is an application to this course already.";
      throw await conflictOver(tx, other, { message, now });
    }
    const counted = await tx.first(queries.count, { userId });
    if ((counted?.count ?? 0) >= limits.applicationsPerUser) {
      throw new AppError("limit/reached", "A student has no more applications than that.", {
        limit: "applicationsPerUser",
      });
    }
  }
};

/** Of another command of hers that was forgotten, or of somebody else's application. */
const takenId = () =>
  new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });

/** What an application keeps of its course. */
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

import type { Database, UnitOfWork } from "@edvoyage/db";
import type {
  ApplicationDocumentId,
  ApplicationDocumentStatus,
  ApplicationId,
  ApplicationStatus,
  UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { maskPhone } from "../numbers/phone.ts";
import { rowToApplication, rowToMove, type SentApplication, type ApplicationMove } from "./application.ts";
import { mayMoveDocument, movesFrom } from "./applications.rules.ts";
import { inspectedPage, type InspectedRow } from "./admissions.store.ts";
import { applicationQueries as queries } from "./applications.store.ts";
import { documentQueries } from "./documents.store.ts";
import { findDocument } from "./documents.ts";
import { assertMayMove, lockOf, noSuchApplication, applyStep } from "./steps.ts";

/** An application as an admin sees it in a list. */
export interface InspectedApplication extends Omit<SentApplication, "fields" | "documents"> {
  readonly student: {
    readonly id: UserId;
    readonly name: string | null;
    /** Masked unless requested in full. */
    readonly phone: string;
  };
  /** The year of the intake; `null` before the application is submitted. */
  readonly intakeYear: number | null;
}

/** An application with everything that an admin may see. */
export interface ApplicationReport extends InspectedApplication {
  /** `null` before the application is submitted: a draft is private to the student. */
  readonly fields: SentApplication["fields"] | null;
  /** Empty before the application is submitted. */
  readonly documents: SentApplication["documents"];
  /** The last 100 steps, oldest first. */
  readonly history: readonly ApplicationMove[];
}

/** Lists applications for admins and applies their decisions. Every act is in the audit log and reaches the student's devices. */
export interface Admissions {
  /** Lists applications, newest first. `moves` holds the statuses that an admin may set. */
  list(options: {
    readonly status?: ApplicationStatus | undefined;
    readonly userId?: UserId | undefined;
    readonly showPhones: boolean;
    readonly cursor?: string | null | undefined;
    readonly limit: number;
  }): Promise<Page<InspectedApplication>>;
  /** Throws `not-found`. */
  show(applicationId: ApplicationId, options: { readonly showPhones: boolean }): Promise<ApplicationReport>;
  /**
   * Moves an application to another status and notifies the student. Throws `not-found`, and `conflict` when the table of
   * transitions does not allow the move or the current status is not `from`.
   */
  move(move: {
    readonly applicationId: ApplicationId;
    readonly status: ApplicationStatus;
    readonly from?: ApplicationStatus | undefined;
    /** A note that the student reads in the history. */
    readonly note?: string | null | undefined;
    /** The reason, only for the audit log. */
    readonly reason?: string | undefined;
  }): Promise<ApplicationReport>;
  /** Judges a document of a submitted application. Throws `not-found`, `conflict`. */
  setDocument(judgement: {
    readonly applicationId: ApplicationId;
    readonly documentId: ApplicationDocumentId;
    readonly status: ApplicationDocumentStatus;
    /** A note that the student reads next to the document. */
    readonly note?: string | null | undefined;
    readonly reason?: string | undefined;
  }): Promise<ApplicationReport>;
}

export interface AdmissionsDeps {
  readonly database: Database;
  readonly audit: Pick<Audit, "record">;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly clock: Clock;
}

const SHOWN_STEPS = 100;

export const createAdmissions = (deps: AdmissionsDeps): Admissions => {
  const { database, audit, areas, notifications, clock } = deps;
  const { read } = database;

  const show: Admissions["show"] = async (id, { showPhones }) => {
    const [row] = await inspectedPage(read, { id, limit: 1 });
    if (!row) throw noSuchApplication();
    const documents = await read.all(documentQueries.documentsOf, { applicationId: id });
    const last = await read.first(queries.lastPosition, { applicationId: id });
    const after = (last?.position ?? 0) - SHOWN_STEPS;
    const steps = await read.all(queries.history, { applicationId: id, after, limit: SHOWN_STEPS });
    const application = rowToApplication(row, { documents, now: clock.now() });
    const isPrivate = row.submitted_at === null;
    return {
      ...rowToInspected(row, { now: clock.now(), showPhones }),
      fields: isPrivate ? null : application.fields,
      documents: isPrivate ? [] : application.documents,
      history: steps.map(rowToMove),
    };
  };

  /** Runs an act while holding the application's lock, and tells the student's devices. */
  const act = async (
    id: ApplicationId,
    task: (tx: UnitOfWork, row: InspectedRow, now: number) => Promise<void>,
  ): Promise<ApplicationReport> => {
    const now = clock.now();
    await database.write(async (tx) => {
      await tx.lock(lockOf({ id }));
      const [row] = await inspectedPage(tx, { id, limit: 1 });
      if (!row) throw noSuchApplication();
      await task(tx, row, now);
      await areas.touch(tx, row.user_id, { area: "applications", now });
    });
    return show(id, { showPhones: false });
  };

  return {
    list: async ({ status, userId, showPhones, cursor, limit }) => {
      const position = parseCursor(cursor, "admin.applications", z.tuple([z.string()]));
      const rows = await inspectedPage(read, { status, userId, before: position?.[0], limit: limit + 1 });
      const now = clock.now();
      return toPage(rows, limit, {
        list: "admin.applications",
        itemOf: (row) => rowToInspected(row, { now, showPhones }),
        positionOf: ({ id }) => [id],
      });
    },

    show,

    move: ({ applicationId, status: to, from, note = null, reason }) =>
      act(applicationId, async (tx, row, now) => {
        const step = { to, by: "admin", actorId: null, from, note, now } as const;
        await assertMayMove(tx, row, step);
        await applyStep(tx, row, step);
        await audit.record(tx, {
          at: now,
          action: "application.moved",
          actor: "admin",
          userId: row.user_id,
          phone: row.phone,
          reason: withReason(`${applicationId}: ${row.status} to ${to}`, reason),
        });
        const subject = { kind: "application", id: applicationId } as const;
        const notification = {
          userId: row.user_id,
          kind: "moved",
          actorId: null,
          subject,
          status: to,
        } as const;
        await notifications.add(tx, notification, now);
      }),

    setDocument: ({ applicationId, documentId: id, status: to, note = null, reason }) =>
      act(applicationId, async (tx, row, now) => {
        if (row.submitted_at === null) throw new AppError("not-found", "There is no such document.");
        const { status: from, name, kind } = await findDocument(tx, { applicationId, id });
        if (row.closed_at !== null || !mayMoveDocument("admin", { from, to })) {
          throw new AppError("conflict", `The document is ${from} and cannot become ${to} now.`);
        }
        await tx.all(documentQueries.setDocument, { applicationId, id, name, status: to, note, now });
        await tx.all(queries.markUpdated, { id: applicationId, now });
        await audit.record(tx, {
          at: now,
          action: "application.document-judged",
          actor: "admin",
          userId: row.user_id,
          phone: row.phone,
          reason: withReason(`${applicationId}: ${kind} ${from} to ${to}`, reason),
        });
      }),
  };
};

const withReason = (summary: string, reason: string | undefined): string =>
  reason ? `${summary}: ${reason}` : summary;

const rowToInspected = (
  row: InspectedRow,
  { now, showPhones }: { readonly now: number; readonly showPhones: boolean },
): InspectedApplication => {
  const { fields, documents: _documents, ...application } = rowToApplication(row, { documents: [], now });
  return {
    ...application,
    moves: movesFrom(row.status, "admin"),
    student: { id: row.user_id, name: row.name, phone: showPhones ? row.phone : maskPhone(row.phone) },
    intakeYear: row.submitted_at === null ? null : fields.intakeYear,
  };
};

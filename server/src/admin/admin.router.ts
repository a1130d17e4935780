import type { Database } from "@edvoyage/db";
import {
  APPLICATION_DOCUMENT_STATUSES,
  APPLICATION_STATUSES,
  type ApplicationDocumentId,
  type ApplicationId,
  type Limits,
  type PostId,
  type SessionId,
  type UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Account } from "../account/account.ts";
import type { Erasure } from "../account/erasure.ts";
import type { UserInspection } from "../account/inspection.ts";
import type { Admissions } from "../applications/admissions.ts";
import type { Audit } from "../audit/audit.ts";
import type { Backups } from "../backups/backups.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../platform/clock.ts";
import type { NumberInspection } from "../numbers/inspection.ts";
import { pageInput } from "../inputs/page.ts";
import { idInput } from "../inputs/id.ts";
import { maskPhone, parsePhone } from "../numbers/phone.ts";
import { proseInput } from "../inputs/text.ts";
import type { DeadPushes } from "../push/dead-letters.ts";
import type { SessionInspection } from "../sessions/inspection.ts";
import type { Seed } from "../seed/seed.ts";
import type { Social } from "../social/social.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { adminProcedure, router } from "../http/trpc.ts";

export interface AdminDeps {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly sessionInspection: SessionInspection;
  readonly numbers: NumberInspection;
  readonly catalogue: Catalogue;
  readonly backups: Backups;
  readonly seed: Seed;
  readonly users: UserInspection;
  readonly account: Account;
  readonly erasure: Erasure;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
  readonly admissions: Admissions;
  readonly social: Pick<Social, "moderation">;
  readonly deadPushes: DeadPushes;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly facts: ServerFacts;
}

/** Facts about the database and the configuration, in words. `sms` and `push` are the names of the providers. */
export type ServerFacts = Readonly<
  Record<"database" | "durability" | "environment" | "sms" | "push", string>
>;

/** A phone number as people write it, of any country: the list of served countries does not apply to admins. */
const phone = z
  .string()
  .max(256)
  .transform((text) => parsePhone(text, undefined));
const showPhones = z.boolean().default(false);
/** Why an admin acts. One line without control characters, because the audit log shows it in one line. */
const reason = z
  .string()
  .max(300)
  .regex(/^[^\p{Cc}]*$/u, "One line")
  .optional();
const MAX_KEPT_BACKUPS = 10_000;
const MAX_SEED = 2 ** 31 - 1;
/** The minimum gives each student somebody to talk to; the maximum is more than a demonstration needs. */
const MIN_SEEDED_STUDENTS = 12;
const MAX_SEEDED_STUDENTS = 1_000;
const postId = idInput<PostId>();
const sessionId = idInput<SessionId>();
const userId = idInput<UserId>();
const applicationId = idInput<ApplicationId>();
const applicationStatus = z.enum(APPLICATION_STATUSES);
/** A note to the student about the act. */
const note = proseInput(500).nullish();

/** Builds the procedures that the terminal program calls. Every act is recorded in the audit log with its reason. */
export const createAdminRouter = (deps: AdminDeps) => {
  const { database, sessions, sessionInspection, numbers, catalogue, backups, audit, clock, limits, facts } =
    deps;
  const { users, account, erasure, background, social, admissions } = deps;
  return router({
    sessions: router({
      list: adminProcedure
        .meta({ reasons: ["phone/invalid"] })
        .input(
          z
            .object({
              userId: userId.optional(),
              phone: phone.optional(),
              includeEnded: z.boolean().default(false),
              showPhones,
              ...pageInput,
            })
            .prefault({}),
        )
        .query(({ input }) => sessionInspection.list(input)),
      revoke: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ sessionId, reason }))
        .mutation(async ({ input }) => ({
          ended: await sessions.end(input.sessionId, { reason: "admin", actor: "admin", note: input.reason }),
        })),
    }),

    numbers: router({
      list: adminProcedure
        .input(z.object({ showPhones, ...pageInput }).prefault({}))
        .query(({ input }) => numbers.list(input)),
      show: adminProcedure
        .meta({ reasons: ["phone/invalid", "not-found"] })
        .input(z.object({ phone, showPhones }))
        .query(({ input }) => numbers.show(input.phone, input)),
      unblock: adminProcedure
        .meta({ reasons: ["phone/invalid", "not-found"] })
        .input(
          z.object({
            phone,
            device: idInput<string>().optional(),
            resetBudget: z.boolean().default(false),
            reason,
          }),
        )
        .mutation(async ({ input }) => ({
          phone: maskPhone(input.phone),
          ...(await numbers.unblock(input.phone, input)),
        })),
    }),

    users: router({
      list: adminProcedure
        .meta({ reasons: ["phone/invalid"] })
        .input(
          z
            .object({
              phone: phone.optional(),
              onlyDeleted: z.boolean().default(false),
              showPhones,
              ...pageInput,
            })
            .prefault({}),
        )
        .query(({ input }) => users.list(input)),
      show: adminProcedure
        .meta({ reasons: ["phone/invalid", "not-found"] })
        .input(z.union([z.object({ userId, showPhones }), z.object({ phone, showPhones })]))
        .query(({ input }) => users.show(input, input)),
      export: adminProcedure
        .meta({ reasons: ["not-found", "rate/limited", "storage/full"] })
        .input(z.object({ userId }))
        .query(({ input }) => account.export(input.userId, "admin")),
      /** Erases at once, without the seven days of a student's own deletion. Continues in the background after the reply. */
      erase: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ userId, reason }))
        .mutation(async ({ input }) => {
          await erasure.begin(input.userId, { actor: "admin", reason: input.reason, isUrgent: true });
          background(erasure.run());
          return erasure.progress(input.userId);
        }),
      erasure: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ userId }))
        .query(({ input }) => erasure.progress(input.userId)),
    }),

    posts: router({
      list: adminProcedure
        .input(z.object({ reported: z.boolean().default(true), ...pageInput }).prefault({}))
        .query(({ input }) => social.moderation.list(input)),
      show: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ postId }))
        .query(({ input }) => social.moderation.show(input.postId)),
      remove: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ postId, reason: reason.unwrap().min(1) }))
        .mutation(({ input }) => social.moderation.remove(input)),
    }),

    applications: router({
      list: adminProcedure
        .input(
          z
            .object({
              status: applicationStatus.optional(),
              userId: userId.optional(),
              showPhones,
              ...pageInput,
            })
            .prefault({}),
        )
        .query(({ input }) => admissions.list(input)),
      show: adminProcedure
        .meta({ reasons: ["not-found"] })
        .input(z.object({ applicationId, showPhones }))
        .query(({ input }) => admissions.show(input.applicationId, input)),
      move: adminProcedure
        .meta({ reasons: ["not-found", "conflict"] })
        .input(
          z.object({
            applicationId,
            status: applicationStatus,
            from: applicationStatus.optional(),
            note,
            reason,
          }),
        )
        .mutation(({ input }) => admissions.move(input)),
      setDocument: adminProcedure
        .meta({ reasons: ["not-found", "conflict"] })
        .input(
          z.object({
            applicationId,
            documentId: idInput<ApplicationDocumentId>(),
            status: z.enum(APPLICATION_DOCUMENT_STATUSES),
            note,
            reason,
          }),
        )
        .mutation(({ input }) => admissions.setDocument(input)),
    }),

    catalogue: router({
      import: adminProcedure
        .input(
          z.object({
            importId: z.uuid(),
            offset: z.number().int().min(0),
            entries: z.array(z.unknown()).min(1).max(limits.importEntries),
          }),
        )
        .mutation(({ input }) =>
          database.write(async (tx) => {
            const report = await catalogue.importEntries(tx, input);
            const summary = `${report.created} created, ${report.updated} updated, ${report.skipped.length} skipped`;
            await audit.record(tx, {
              at: clock.now(),
              action: "catalogue.imported",
              actor: "admin",
              reason: summary,
            });
            return report;
          }),
        ),
    }),

    seed: router({
      /** Adds only the sample catalogue. */
      run: adminProcedure.mutation(() =>
        database.write(async (tx) => {
          const added = await catalogue.seed(tx);
          const summary = `${added.universities} universities and ${added.courses} courses added`;
          await audit.record(tx, {
            at: clock.now(),
            action: "catalogue.seeded",
            actor: "admin",
            reason: summary,
          });
          return added;
        }),
      ),
      /** Builds the next portion of a world of invented students. The caller repeats it until the world is `built`. */
      world: adminProcedure
        .meta({ reasons: ["forbidden", "conflict"] })
        .input(
          z
            .object({
              seed: z.number().int().min(0).max(MAX_SEED).default(1),
              students: z.number().int().min(MIN_SEEDED_STUDENTS).max(MAX_SEEDED_STUDENTS).default(200),
              evenInProduction: z.boolean().default(false),
            })
            .prefault({}),
        )
        .mutation(({ input }) => deps.seed.world(input)),
    }),

    database: router({
      backup: adminProcedure
        .meta({ reasons: ["conflict"] })
        .input(z.object({ keep: z.number().int().min(1).max(MAX_KEPT_BACKUPS).optional() }).prefault({}))
        .mutation(({ input }) => backups.create(input)),
      status: adminProcedure.query(() => backups.status()),
    }),

    push: router({
      list: adminProcedure
        .input(z.object(pageInput).prefault({}))
        .query(({ input }) => deps.deadPushes.list(input)),
    }),

    audit: router({
      list: adminProcedure.input(z.object(pageInput).prefault({})).query(({ input }) => audit.list(input)),
    }),

    status: adminProcedure.meta({ reasons: ["storage/full"] }).query(async () => {
      await database.ping(clock.now());
      return {
        ...facts,
        sessions: await sessions.countLive(),
        universities: await catalogue.count(),
        serverNow: clock.now(),
      };
    }),
  });
};

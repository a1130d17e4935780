import { z } from "zod";
import type { ApplicationId, PostId, UserId } from "../ids.ts";
import { PUSH_PROVIDERS } from "../notifications.ts";
import { application, applicationDocument, applicationFields, applicationMove } from "./applications.ts";
import { sessionView } from "./account.ts";
import { count, country, idAnswer, instant } from "./values.ts";

// Only the terminal program reads these shapes, so their interfaces are the server's own. A test ties the schemas to them.

const userId = idAnswer<UserId>();
const maskedPhone = z.string().describe("Masked, except with `showPhones`.");

export const inspectedSession = z
  .strictObject({
    ...sessionView.shape,
    userId,
    phone: maskedPhone,
    state: z.enum([
      "live",
      "expired",
      "logout",
      "revoked",
      "replaced",
      "limit",
      "admin",
      "restore",
      "deleted",
    ]),
    endedAt: instant.nullable(),
  })
  .meta({ id: "InspectedSession", description: "A session as an admin sees it." });

export const restrictedNumber = z
  .strictObject({
    phone: maskedPhone,
    blockedUntil: instant.nullable().describe("When the last block of its devices ends."),
    blockedDevices: count,
    pausedUntil: instant.nullable().describe("When the pause of devices unknown to it ends."),
    codeLength: z.int().min(6).max(8),
    wrongCodesOfDay: count,
    wrongCodesOfMonth: count,
    knownBudgetSpentUntil: instant.nullable().describe("Until when its known devices get no message."),
    giveBackSpentUntil: instant.nullable().describe("Until when the messages of a sign-in count."),
  })
  .meta({ id: "RestrictedNumber", description: "A number that cannot sign in as usual." });

const budget = { sixDigitOfDay: z.int(), sixDigitOfMonth: z.int(), ofMonth: z.int() };
const messageCounts = { messagesOfDay: count, messagesToKnownOfDay: count, signInsGivenBackOfDay: count };

export const numberReport = z
  .strictObject({
    ...restrictedNumber.shape,
    budget: z.strictObject(budget),
    ...messageCounts,
    allowed: z
      .strictObject({ ...budget, ...messageCounts })
      .describe("The limits that apply to the counts above."),
    devices: z.array(
      z.strictObject({
        device: z.string().describe("Eight characters by which `unblock` finds the device."),
        isKnown: z.boolean(),
        signedInAt: instant.nullable(),
        blockedUntil: instant.nullable(),
        attemptsRemaining: count,
        nextMessageAt: instant.nullable(),
      }),
    ),
    explanation: z.array(z.string()).describe("Which limits apply to which devices, and why."),
    serverNow: instant,
  })
  .meta({ id: "NumberReport", description: "Everything that decides whether a number can sign in." });

export const unblockedNumber = z
  .strictObject({
    phone: z.string().describe("Masked."),
    lifted: count.describe("The number of lifted blocks."),
    pausedUntil: instant.nullable(),
    knownBudgetSpentUntil: instant.nullable(),
  })
  .meta({ id: "UnblockedNumber", description: "The result of unblocking a number." });

export const inspectedUser = z
  .strictObject({
    id: userId,
    phone: z.string().describe("Masked, except with `showPhones`; always masked during an erasure."),
    name: z.string().nullable(),
    homeCountry: country.nullable(),
    createdAt: instant,
    lastSeenAt: instant.nullable().describe("`null` when no session of the last months is left."),
    state: z.enum(["active", "deleted", "erasing"]),
    eraseAt: instant.nullable(),
  })
  .meta({ id: "InspectedUser", description: "A student as an admin sees them." });

export const erasureProgress = z
  .strictObject({
    state: z
      .enum(["erasing", "erased", "scrubbed"])
      .describe("`scrubbed`: the database file holds no copy of the last row any more."),
    done: count,
    planned: count,
    counts: z.record(z.string(), count).describe("The number of erased items by the name of their part."),
    failure: z.string().nullable().describe("Why the last run failed, in words."),
  })
  .meta({ id: "ErasureProgress", description: "The progress of an erasure." });

export const inspectedPost = z
  .strictObject({
    id: idAnswer<PostId>(),
    authorId: userId,
    authorName: z.string().nullable(),
    text: z.string().nullable(),
    link: z.string().nullable(),
    image: z.string().nullable(),
    createdAt: instant,
    editedAt: instant.nullable(),
    likeCount: count,
    commentCount: count,
    reportCount: count,
    reportedAt: instant.nullable(),
  })
  .meta({ id: "InspectedPost", description: "A post as an admin sees it." });

export const reportedPost = z
  .strictObject({
    ...inspectedPost.shape,
    reports: z.array(z.strictObject({ userId, reason: z.string(), at: instant })),
  })
  .meta({ id: "ReportedPost", description: "A post with the reports of students." });

export const removedPost = z.strictObject({ postId: idAnswer<PostId>(), authorId: userId });

const { fields: _fields, documents: _documents, ...applicationFacts } = application.shape;

export const inspectedApplication = z
  .strictObject({
    ...applicationFacts,
    id: idAnswer<ApplicationId>(),
    student: z.strictObject({ id: userId, name: z.string().nullable(), phone: maskedPhone }),
    intakeYear: count.nullable().describe("`null` before the application is submitted."),
  })
  .meta({ id: "InspectedApplication", description: "An application as an admin sees it in a list." });

export const applicationReport = z
  .strictObject({
    ...inspectedApplication.shape,
    fields: applicationFields.nullable().describe("`null` before the application is submitted."),
    documents: z.array(applicationDocument).describe("Empty before the application is submitted."),
    history: z.array(applicationMove).describe("The last 100 steps, oldest first."),
  })
  .meta({ id: "ApplicationReport", description: "An application with everything that an admin may see." });

export const importReport = z
  .strictObject({
    created: count,
    updated: count,
    unchanged: count,
    skipped: z.array(z.strictObject({ index: count, name: z.string().nullable(), reason: z.string() })),
  })
  .meta({ id: "ImportReport", description: "The result of importing universities." });

export const worldProgress = z
  .strictObject({
    state: z.enum(["building", "built"]).describe("`built` when there is nothing left to do."),
    seed: count,
    students: count,
    done: count.describe("How many of `acts` are done."),
    acts: count,
    added: z
      .strictObject({
        universities: count,
        courses: count,
        students: count,
        contacts: count,
        follows: count,
        posts: count,
        comments: count,
        likes: count,
        rooms: count,
        messages: count,
        reactions: count,
        applications: count,
        favourites: count,
      })
      .describe("The number of things that this call added, by kind."),
    signInAs: z
      .strictObject({ name: z.string().nullable(), phone: z.string() })
      .nullable()
      .describe("The first student, with a number to sign in with."),
  })
  .meta({ id: "WorldProgress", description: "The progress of a world of invented students." });

const backupFile = { path: z.string(), sizeBytes: count, takenAt: instant };

export const backupReport = z
  .strictObject({
    ...backupFile,
    epoch: count.describe("The epoch of the database that it holds."),
    removed: z.array(z.string()).describe("The paths of the older backups that were deleted."),
  })
  .meta({ id: "BackupReport", description: "A new backup." });

export const databaseStatus = z
  .strictObject({
    dialect: z.enum(["sqlite", "postgres"]),
    schema: z.string().describe("The name of its newest migration."),
    epoch: count,
    sizeBytes: count,
    newestBackup: z.strictObject(backupFile).nullable(),
    backingUp: z
      .strictObject({ copiedBytes: count, totalBytes: count })
      .nullable()
      .describe("The progress of a running backup."),
  })
  .meta({ id: "DatabaseStatus", description: "The database as an admin sees it." });

export const deadPush = z
  .strictObject({
    id: idAnswer<string>(),
    userId,
    provider: z.enum(PUSH_PROVIDERS),
    kind: z.enum(["message", "notification"]),
    attempts: count,
    error: z.string(),
    createdAt: instant,
    diedAt: instant,
  })
  .meta({ id: "DeadPush", description: "A push that was given up." });

export const auditRecord = z
  .strictObject({
    id: idAnswer<string>(),
    at: instant,
    action: z.string(),
    actor: z.string(),
    userId: idAnswer<string>().nullable(),
    sessionId: idAnswer<string>().nullable(),
    phone: z.string().nullable().describe("Masked."),
    ip: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: "AuditRecord", description: "An entry of the audit log." });

export const serverStatus = z
  .strictObject({
    database: z.string(),
    durability: z.string(),
    environment: z.string(),
    sms: z.string(),
    push: z.string(),
    sessions: count.describe("Live sessions."),
    universities: count,
    serverNow: instant,
  })
  .meta({ id: "ServerStatus", description: "Facts about the database, the configuration and the content." });

// Types only: importing "." of this package loads no code.
export type {
  AccountExport,
  ApplicationDocument,
  ApplicationMove,
  Challenge,
  CommentReceipt,
  Course,
  Education,
  Favourite,
  FollowReceipt,
  FollowedStudent,
  InboxChanges,
  InboxMemberRoom,
  InboxRoom,
  InputIssue,
  Invitation,
  LikeReceipt,
  Message,
  MessagePage,
  MessageReceipt,
  Notification,
  NotificationPreferences,
  Page,
  PreferencesChange,
  Profile,
  ProfileChange,
  PublicProfile,
  ReactionReceipt,
  Reason,
  ReasonDetails,
  Room,
  RoomDetails,
  SentApplication,
  SentComment,
  SentContact,
  SentPost,
  Session,
  SessionView,
  SignIn,
  StudentMention,
  StudentName,
  StudentPage,
  University,
  UserView,
  Work,
} from "@edvoyage/protocol";
export type { AppRouter } from "./router.ts";
export type { Access } from "./http/trpc.ts";
export type { InspectedSession } from "./sessions/inspection.ts";
export type { NumberReport, RestrictedNumber } from "./numbers/inspection.ts";
export type { ImportReport } from "./catalogue/university-import.ts";
export type { BackupReport, DatabaseStatus } from "./backups/backups.ts";
export type { WorldProgress } from "./seed/seed.ts";
export type { InspectedPost, PostReport } from "./social/moderation.ts";
export type { ApplicationReport, InspectedApplication } from "./applications/admissions.ts";
export type { AuditRecord } from "./audit/audit.ts";
export type { ErasureProgress } from "./account/erasure.ts";
export type { InspectedUser } from "./account/inspection.ts";
export type { DeadPush } from "./push/dead-letters.ts";

// Types alone: this package's "." has no code to import.
export type { Reason, ReasonDetails, InputIssue } from "./errors.ts";
export type { AppRouter } from "./router.ts";
export type { Access } from "./trpc.ts";
export type { Page } from "./paging.ts";
export type { SignIn, Challenge } from "./auth/auth.ts";
export type { SessionView, UserView } from "./sessions/sessions.ts";
export type { InspectedSession } from "./sessions/inspection.ts";
export type { NumberReport, TroubledNumber } from "./numbers/inspection.ts";
export type { ImportReport, University, Course } from "./catalogue/catalogue.ts";
export type { BackupReport, DatabaseStatus } from "./backups/backups.ts";
export type { Contact } from "./contacts/contacts.ts";
export type { Message, MessagePage, MessageReceipt, ReactionReceipt } from "./chat/messages.ts";
export type { Room, RoomDetails } from "./chat/rooms.ts";
export type { InboxChanges, InboxMemberRoom, InboxRoom, Invitation } from "./inbox/inbox.ts";
export type { AuditRecord } from "./audit/audit.ts";
export type { Education, Profile, ProfileChange, PublicProfile, Work } from "./profile/profile.ts";
export type { Favourite } from "./favourites/favourites.ts";

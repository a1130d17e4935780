import type { ApplicationDocumentsTable, ApplicationMovesTable, ApplicationsTable } from "./applications.ts";
import type { AuditTable } from "./audit.ts";
import type { CoursesTable, UniversitiesTable } from "./catalogue.ts";
import type { CommandsTable, RoomInvitationsTable, RoomMembersTable, RoomsTable } from "./chat.ts";
import type { ContactNumberAllowancesTable, ContactNumbersTable, ContactsTable } from "./contacts.ts";
import type { DemoWorldsTable } from "./demo-worlds.ts";
import type { DocumentsTable, DocumentUpdatesTable, FavouritesTable } from "./documents.ts";
import type {
  DatabaseEpochTable,
  LogEntriesTable,
  LogFormerWritersTable,
  LogSegmentsTable,
  LogsTable,
} from "./logs.ts";
import type { AreaChangesTable, NotificationPreferencesTable, NotificationsTable } from "./notifications.ts";
import type {
  PushDeadLettersTable,
  PushDeliveriesTable,
  PushEventsTable,
  PushReceiptsTable,
  PushSettingsTable,
  PushTokensTable,
} from "./push.ts";
import type { SessionEndsTable, SessionsTable } from "./sessions.ts";
import type {
  ChallengesTable,
  PhoneDevicesTable,
  SendMinutesTable,
  SendsTable,
  WrongCodesTable,
} from "./sign-in.ts";
import type {
  CommentsTable,
  FollowsTable,
  LikesTable,
  MentionsTable,
  PostReportsTable,
  PostsTable,
  SocialCountsTable,
} from "./social.ts";
import type { ErasuresTable, ProfilesTable, UsersTable } from "./users.ts";

/** All tables by name. Instants are epoch milliseconds, ids are UUIDv7, booleans are 0 or 1. */
export interface Tables {
  users: UsersTable;
  profiles: ProfilesTable;
  erasures: ErasuresTable;
  challenges: ChallengesTable;
  phone_devices: PhoneDevicesTable;
  wrong_codes: WrongCodesTable;
  sends: SendsTable;
  send_minutes: SendMinutesTable;
  sessions: SessionsTable;
  session_ends: SessionEndsTable;
  audit_log: AuditTable;
  universities: UniversitiesTable;
  courses: CoursesTable;
  database_epoch: DatabaseEpochTable;
  logs: LogsTable;
  log_segments: LogSegmentsTable;
  log_former_writers: LogFormerWritersTable;
  log_entries: LogEntriesTable;
  documents: DocumentsTable;
  document_updates: DocumentUpdatesTable;
  favourites: FavouritesTable;
  commands: CommandsTable;
  rooms: RoomsTable;
  room_members: RoomMembersTable;
  room_invitations: RoomInvitationsTable;
  contacts: ContactsTable;
  contact_numbers: ContactNumbersTable;
  contact_number_allowances: ContactNumberAllowancesTable;
  area_changes: AreaChangesTable;
  notifications: NotificationsTable;
  notification_preferences: NotificationPreferencesTable;
  posts: PostsTable;
  likes: LikesTable;
  comments: CommentsTable;
  mentions: MentionsTable;
  follows: FollowsTable;
  social_counts: SocialCountsTable;
  post_reports: PostReportsTable;
  push_settings: PushSettingsTable;
  push_tokens: PushTokensTable;
  push_events: PushEventsTable;
  push_deliveries: PushDeliveriesTable;
  push_receipts: PushReceiptsTable;
  push_dead_letters: PushDeadLettersTable;
  applications: ApplicationsTable;
  application_moves: ApplicationMovesTable;
  application_documents: ApplicationDocumentsTable;
  demo_worlds: DemoWorldsTable;
  heartbeat: HeartbeatTable;
}

/** One row, written to check that the database accepts writes. Used by `Database.ping`. */
export interface HeartbeatTable {
  id: number;
  at: number;
}

export { createClient, type Client } from "./create-client.ts";
export type { ClientOptions, WebSocketConstructor } from "./runtime/client-options.ts";
export type { CoreClient } from "./client.ts";
export type { Problem } from "./students/student-context.ts";
export type {
  AppliedCourse,
  Application,
  ApplicationConflict,
  ApplicationDocument,
  ApplicationMove,
  Applications,
} from "./applications/api.ts";
export type { Auth } from "./auth/auth.ts";
export type { AuthStatus, Student } from "./auth/auth-status.ts";
export type {
  CachedList,
  Course,
  CourseFilter,
  CourseLevel,
  University,
  UniversityFilter,
} from "./catalogue/catalogue.ts";
export type {
  Chat,
  ChatView,
  Invitation,
  Message,
  NewRoom,
  Reaction,
  Room,
  RoomDetails,
  RoomSummary,
  RoomView,
} from "./chat/api.ts";
export type { Clock } from "./runtime/clock.ts";
export type { Contact, ContactChange, ContactList, Contacts } from "./contacts/contacts.ts";
export {
  EdVoyageError,
  isEdVoyageError,
  type ClientReason,
  type ErrorReason,
  type ServerReason,
} from "./runtime/errors.ts";
export type { Favourite, Favourites } from "./favourites/favourites.ts";
export type { RandomBytes } from "./runtime/ids.ts";
export type { AppState, Network } from "./runtime/network.ts";
export type { Unsubscribe } from "./runtime/observable.ts";
export type { Notification, Notifications } from "./notifications/notifications.ts";
export type {
  KindPreference,
  NotificationPreferences,
  OwnPreferences,
  PreferencesChange,
} from "./notifications/preferences.ts";
export type { OutboxEntry } from "./outbox/outbox-entry.ts";
export type { OutboxView } from "./outbox/outbox-view.ts";
export type { AccountExport, OwnAccount } from "./account/account.ts";
export type { Page, PageFilter } from "./reads/page.ts";
export type {
  Education,
  OwnProfile,
  Profile,
  ProfileChange,
  ProfileReader,
  PublicProfile,
  Work,
} from "./profile/profile.ts";
export type { Push } from "./push/push.ts";
export type { Fresh, ReadOptions, ReadSnapshot } from "./reads/query.ts";
export type { View } from "./reads/views.ts";
export type { Session, Sessions } from "./sessions/sessions.ts";
export type { Settings, SettingValues } from "./settings/settings.ts";
export type {
  Comment,
  FollowedStudent,
  NewComment,
  NewPost,
  Post,
  Social,
  StudentMention,
  StudentName,
  StudentPage,
} from "./social/api.ts";
export { createMemoryStorage, type MemoryStorage } from "./storage/memory.ts";
export type { SecureStorage } from "./storage/secrets.ts";
export { StorageError, type StorageAdapter, type StorageErrorKind } from "./storage/storage.ts";
export type { Sync, SyncStatus } from "./sync/status.ts";

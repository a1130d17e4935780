export type {
  AccountExport,
  ApplicationDocument,
  ApplicationMove,
  AppliedCourse,
  ContactChange,
  Course,
  CourseFilter,
  CourseLevel,
  Education,
  Favourite,
  FollowedStudent,
  Invitation,
  KindPreference,
  Notification,
  NotificationPreferences,
  Page,
  PageFilter,
  PreferencesChange,
  Profile,
  ProfileChange,
  PublicProfile,
  RoomDetails,
  RoomSummary,
  Session,
  StudentMention,
  StudentName,
  StudentPage,
  University,
  UniversityFilter,
  Work,
} from "@edvoyage/protocol";
export { createClient, type Client } from "./create-client.ts";
export type { ClientOptions, WebSocketConstructor } from "./runtime/client-options.ts";
export type { CoreClient } from "./client.ts";
export type { Problem } from "./runtime/problem.ts";
export type { Application, ApplicationConflict, Applications } from "./applications/api.ts";
export type { Auth } from "./auth/auth.ts";
export type {
  AuthStatus,
  Membership,
  SessionEndReason,
  SignInProgress,
  Student,
} from "./auth/auth-status.ts";
export type { CachedList } from "./catalogue/catalogue.ts";
export type {
  Chat,
  ChatView,
  Message,
  MessageContent,
  NewRoom,
  Reaction,
  Room,
  RoomView,
} from "./chat/api.ts";
export type { Clock } from "./runtime/clock.ts";
export type { Contact, ContactList, Contacts } from "./contacts/contacts.ts";
export {
  EdVoyageError,
  isEdVoyageError,
  type ClientReason,
  type ErrorReason,
  type ServerReason,
} from "./runtime/errors.ts";
export type { FavouriteWrite, Favourites } from "./favourites/favourites.ts";
export type { RandomBytes } from "./runtime/ids.ts";
export type { AppState, Network } from "./runtime/network.ts";
export type { Unsubscribe } from "./runtime/observable.ts";
export type { Notifications } from "./notifications/notifications.ts";
export type { OwnPreferences, Preferences } from "./notifications/preferences.ts";
export type { EntryState, OutboxEntry } from "./outbox/outbox-entry.ts";
export type { QueuedInputs, QueuedProcedure } from "./rpc/queued-inputs.ts";
export type { Write } from "./outbox/write.ts";
export type { OutboxView } from "./outbox/outbox-view.ts";
export type { OwnAccount } from "./account/account.ts";
export type { OwnProfile, ProfileReader } from "./profile/profile.ts";
export type { Push } from "./push/push.ts";
export type { Fresh, ReadOptions, ReadSnapshot } from "./reads/query.ts";
export type { View } from "./reads/views.ts";
export type { Sessions } from "./sessions/sessions.ts";
export type { Settings, SettingValues } from "./settings/settings.ts";
export type { NewPost } from "./rpc/queued-inputs.ts";
export type { Comment, NewComment, Post, Sending, Social } from "./social/api.ts";
export { createMemoryStorage, type MemoryStorage, type MemoryStorageOptions } from "./storage/memory.ts";
export type { SecureStorage } from "./storage/secrets.ts";
export {
  StorageError,
  type Durability,
  type StorageAdapter,
  type StorageErrorKind,
} from "./storage/storage.ts";
export type { Unsent } from "./students/students.ts";
export type { Json } from "./sync/json.ts";
export type { StorageStatus, Sync, SyncStatus } from "./sync/status.ts";

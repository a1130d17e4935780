import { createAccountRouter } from "./account/account.router.ts";
import type { Account } from "./account/account.ts";
import type { Applications } from "./applications/applications.ts";
import { createApplicationsRouter } from "./applications/applications.router.ts";
import { createAdminRouter, type AdminDeps } from "./admin/admin.router.ts";
import type { Auth } from "./auth/auth.ts";
import { createAuthRouter } from "./auth/auth.router.ts";
import { createCoursesRouter, createUniversitiesRouter } from "./catalogue/catalogue.router.ts";
import { createDocumentsRouter } from "./sync/documents.router.ts";
import type { DocumentExchange } from "./sync/document-exchange.ts";
import { createFavouritesRouter } from "./favourites/favourites.router.ts";
import type { Favourites } from "./favourites/favourites.ts";
import type { Chat } from "./chat/chat.ts";
import { createChatRouter } from "./chat/chat.router.ts";
import type { Contacts } from "./contacts/contacts.ts";
import { createContactsRouter } from "./contacts/contacts.router.ts";
import type { Inbox } from "./inbox/inbox.ts";
import { createInboxRouter } from "./inbox/inbox.router.ts";
import type { Notifications } from "./notifications/notifications.ts";
import type { Preferences } from "./notifications/preferences.ts";
import { createNotificationsRouter } from "./notifications/notifications.router.ts";
import type { Profiles } from "./profile/profile.ts";
import { createProfileRouter } from "./profile/profile.router.ts";
import type { Social } from "./social/social.ts";
import { createSocialRouter } from "./social/social.router.ts";
import { createPushRouter } from "./push/push.router.ts";
import type { PushTokens } from "./push/tokens.ts";
import { createSessionsRouter } from "./sessions/sessions.router.ts";
import { guardProcedures } from "./http/procedure-access.ts";
import type { StudentRateLimit } from "./limits/student-rate-limit.ts";
import { router } from "./http/trpc.ts";

export interface RouterDeps extends AdminDeps {
  readonly auth: Auth;
  readonly profiles: Profiles;
  readonly account: Account;
  readonly documentExchange: DocumentExchange;
  readonly favourites: Favourites;
  readonly contacts: Contacts;
  readonly chat: Chat;
  readonly inbox: Inbox;
  readonly notifications: Notifications;
  readonly social: Social;
  readonly preferences: Preferences;
  readonly applications: Applications;
  readonly pushTokens: PushTokens;
  readonly countries: ReadonlySet<string> | undefined;
  /** Limits how often each signed-in student may call a mutation. */
  readonly writeRate: StudentRateLimit;
}

/** Builds the router with every procedure of the server, one line per feature. */
export const createRouter = (deps: RouterDeps) =>
  guardProcedures(
    router({
      auth: createAuthRouter(deps),
      sessions: createSessionsRouter(deps),
      profile: createProfileRouter(deps),
      account: createAccountRouter(deps),
      universities: createUniversitiesRouter(deps),
      courses: createCoursesRouter(deps),
      documents: createDocumentsRouter(deps),
      favourites: createFavouritesRouter(deps),
      contacts: createContactsRouter(deps),
      chat: createChatRouter(deps),
      inbox: createInboxRouter(deps),
      notifications: createNotificationsRouter(deps),
      push: createPushRouter(deps),
      social: createSocialRouter(deps),
      applications: createApplicationsRouter(deps),
      admin: createAdminRouter(deps),
    }),
    deps,
  );

/** The router's type, from which the typed clients are made. */
export type AppRouter = ReturnType<typeof createRouter>;

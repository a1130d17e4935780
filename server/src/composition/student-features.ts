import type { Database } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import { createAdmissions, type Admissions } from "../applications/admissions.ts";
import { createApplications, type Applications } from "../applications/applications.ts";
import type { Audit } from "../audit/audit.ts";
import { createChat, type Chat } from "../chat/chat.ts";
import { createCommands, type Commands } from "../commands/commands.ts";
import { createContacts, type Contacts } from "../contacts/contacts.ts";
import { createFavourites, type Favourites } from "../favourites/favourites.ts";
import { createAreas, type Areas } from "../inbox/areas.ts";
import { createNotifications, type Notifications } from "../notifications/notifications.ts";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { createProfiles, type Profiles } from "../profile/profile.ts";
import type { PushOutbox } from "../push/outbox.ts";
import { createSocial, type Social } from "../social/social.ts";
import type { Documents } from "../sync/documents.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { SyncHints } from "../sync/sync.ts";

/** The features through which students change things, and the admissions office that answers them. */
export interface StudentFeatures {
  readonly commands: Commands;
  readonly areas: Areas;
  readonly contacts: Contacts;
  readonly profiles: Profiles;
  readonly favourites: Favourites;
  readonly notifications: Notifications;
  readonly chat: Chat;
  readonly social: Social;
  readonly applications: Applications;
  readonly admissions: Admissions;
}

export interface StudentFeaturesDeps {
  readonly database: Database;
  readonly logs: RoomLogs;
  readonly documents: Documents;
  readonly push: Pick<PushOutbox, "notified" | "messageSent">;
  readonly hints: SyncHints;
  readonly audit: Pick<Audit, "record">;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
}

/** Creates the features of a server, or those of seeded students, which differ in what they are given. */
export const createStudentFeatures = (deps: StudentFeaturesDeps): StudentFeatures => {
  const { database, hints } = deps;
  const { read } = database;
  const commands = createCommands(deps);
  const areas = createAreas({
    ...deps,
    read,
    inboxChanged: (userId, area) => {
      hints.inboxChanged(userId);
      if (area === "contacts") hints.blocksChanged(userId);
    },
  });
  const contacts = createContacts({ ...deps, commands, areas });
  const { isBlocked, becameFindable } = contacts;
  const notifications = createNotifications({ ...deps, commands, areas });
  return {
    commands,
    areas,
    contacts,
    profiles: createProfiles({ ...deps, read, commands, areas, isBlocked, becameFindable }),
    favourites: createFavourites({ ...deps, read, commands }),
    notifications,
    chat: createChat({ ...deps, commands, notifications }),
    social: createSocial({ ...deps, commands, areas, notifications }),
    applications: createApplications({ ...deps, commands, areas }),
    admissions: createAdmissions({ ...deps, areas, notifications }),
  };
};

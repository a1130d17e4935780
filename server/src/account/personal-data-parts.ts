import type { Queries } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import type { Applications } from "../applications/applications.ts";
import { createChatErasure, createChatExport } from "../chat/personal-data.ts";
import { createMembership, type MembershipDeps } from "../chat/membership.ts";
import { createCommandErasure } from "../commands/commands.ts";
import type { Contacts } from "../contacts/contacts.ts";
import type { NewId } from "../platform/crypto.ts";
import {
  createNotificationErasure,
  createNotificationExport,
  type Notifications,
} from "../notifications/notifications.ts";
import type { Preferences } from "../notifications/preferences.ts";
import type { Profiles } from "../profile/profile.ts";
import type { SessionInspection } from "../sessions/inspection.ts";
import { createSocialErasure, createSocialExport } from "../social/personal-data.ts";
import { collectPages, type ErasurePart, type ExportPart } from "./personal-data.ts";
import type { Documents } from "../sync/documents.ts";
import type { RoomLogs } from "../sync/room-logs.ts";

export interface ExportDeps {
  readonly read: Queries;
  readonly logs: RoomLogs;
  readonly profiles: Profiles;
  readonly sessions: SessionInspection;
  readonly contacts: Contacts;
  readonly documents: Documents;
  readonly notifications: Notifications;
  readonly preferences: Preferences;
  readonly applications: Applications;
}

/** Creates the parts of the data export, in their order. Every feature that keeps data of a student has its part here. */
export const createExportParts = ({
  read,
  logs,
  profiles,
  sessions,
  contacts,
  documents,
  notifications,
  preferences,
  applications,
}: ExportDeps): readonly ExportPart[] => [
  { name: "profile", tables: ["users", "profiles"], read: (userId) => profiles.get(userId) },
  {
    name: "sessions",
    tables: ["sessions"],
    read: (userId) =>
      collectPages((page) => sessions.list({ userId, includeEnded: true, showPhones: true, ...page })),
  },
  {
    name: "contacts",
    tables: ["contacts", "contact_numbers"],
    read: (userId) => collectPages((page) => contacts.list(userId, page)),
  },
  {
    name: "document",
    tables: ["documents", "document_updates", "favourites"],
    read: (userId) => documents.content(userId),
  },
  {
    name: "applications",
    tables: ["applications", "application_moves", "application_documents"],
    read: async (userId) => {
      const items = await collectPages((page) => applications.list(userId, page));
      return Promise.all(
        items.map(async (application) => ({
          ...application,
          history: await collectPages((page) =>
            applications.history(userId, { applicationId: application.id, ...page }),
          ),
        })),
      );
    },
  },
  ...createChatExport({ read, logs }),
  ...createSocialExport({ read }),
  ...createNotificationExport({ notifications, preferences }),
];

/** Creates the parts of an erasure that deleting the user's row does not cover. Data that other students can read comes first. */
export const createErasureParts = ({
  read,
  logs,
  hints,
  newId,
  limits,
}: {
  readonly read: Queries;
  readonly logs: RoomLogs;
  readonly hints: MembershipDeps["hints"];
  readonly newId: NewId;
  readonly limits: Limits;
}): readonly ErasurePart[] => [
  ...createChatErasure({ read, logs, hints, membership: createMembership({ logs, hints, newId, limits }) }),
  ...createSocialErasure(),
  createNotificationErasure(),
  createCommandErasure(),
];

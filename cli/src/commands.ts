import { judgeDocument } from "./applications/document.ts";
import { listApplications } from "./applications/list.ts";
import { moveApplication } from "./applications/move.ts";
import { showApplication } from "./applications/show.ts";
import { listAudit } from "./audit/list.ts";
import { importCatalogue } from "./catalogue/import.ts";
import type { Command } from "./command.ts";
import { backUpDatabase } from "./db/backup.ts";
import { restoreDatabase } from "./db/restore.ts";
import { showDatabase } from "./db/status.ts";
import { doctor } from "./doctor/doctor.ts";
import { listNumbers } from "./numbers/list.ts";
import { showNumber } from "./numbers/show.ts";
import { unblockNumber } from "./numbers/unblock.ts";
import { listPosts } from "./posts/list.ts";
import { removePost } from "./posts/remove.ts";
import { showPost } from "./posts/show.ts";
import { listPushes } from "./push/list.ts";
import { runSeed } from "./seed/run.ts";
import { listSessions } from "./sessions/list.ts";
import { revokeSessions } from "./sessions/revoke.ts";
import { eraseUser } from "./users/erase.ts";
import { exportUser } from "./users/export.ts";
import { listUsers } from "./users/list.ts";
import { showUser } from "./users/show.ts";

/** A group of commands: a noun with its verbs. */
export interface Noun {
  readonly summary: string;
  readonly verbs: Readonly<Record<string, Command>>;
}

/** Every `edvoyage <noun> <verb>`. */
export const nouns: Readonly<Record<string, Noun>> = {
  sessions: { summary: "Signed-in devices", verbs: { list: listSessions, revoke: revokeSessions } },
  numbers: {
    summary: "Phone numbers that cannot sign in, and why",
    verbs: { list: listNumbers, show: showNumber, unblock: unblockNumber },
  },
  applications: {
    summary: "Students' applications to courses",
    verbs: {
      list: listApplications,
      show: showApplication,
      move: moveApplication,
      document: judgeDocument,
    },
  },
  posts: {
    summary: "Posts in Cavity: reports by students, and removal",
    verbs: { list: listPosts, show: showPost, remove: removePost },
  },
  users: {
    summary: "Students: their accounts, the data stored about them, and their erasure",
    verbs: { list: listUsers, show: showUser, export: exportUser, erase: eraseUser },
  },
  push: { summary: "Push notifications that could not be delivered", verbs: { list: listPushes } },
  catalogue: { summary: "Universities and courses", verbs: { import: importCatalogue } },
  seed: { summary: "Sample data", verbs: { run: runSeed } },
  db: {
    summary: "The database: status, backups and restores",
    verbs: { status: showDatabase, backup: backUpDatabase, restore: restoreDatabase },
  },
  audit: { summary: "The audit log: what was done and by whom", verbs: { list: listAudit } },
};

/** Every `edvoyage <verb>`. */
export const verbs: Readonly<Record<string, Command>> = { doctor };

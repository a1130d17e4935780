import { createAccount, type Account } from "../account/account.ts";
import { createErasure, type Erasure } from "../account/erasure.ts";
import { createErasureParts, createExportParts } from "../account/personal-data-parts.ts";
import type { Preferences } from "../notifications/preferences.ts";
import type { SessionInspection } from "../sessions/inspection.ts";
import type { Frame } from "./frame.ts";
import type { LiveSync } from "./live-sync.ts";
import type { SignInFeatures } from "./sign-in.ts";
import type { StudentFeatures } from "./student-features.ts";

/** The end of an account: the export of a student's data, and its erasure. */
export interface AccountFeatures {
  readonly account: Account;
  readonly erasure: Erasure;
  /** The tables whose rows are in the export of a student's data. */
  readonly exportedTables: readonly string[];
}

export interface AccountFeaturesDeps extends SignInFeatures, LiveSync, StudentFeatures {
  readonly preferences: Preferences;
  readonly sessionInspection: SessionInspection;
}

export const createAccountFeatures = (frame: Frame, deps: AccountFeaturesDeps): AccountFeatures => {
  const { read } = frame.database;
  const { auth, numbers, sessions, sessionInspection, sync } = deps;
  const parts = createExportParts({ ...deps, read, sessions: sessionInspection });
  const erasure = createErasure({
    ...frame,
    parts: createErasureParts({ ...frame, read, logs: deps.logs, hints: sync.hints }),
    endSessions: sessions.endAll,
    forgetPhone: async (tx, phone) => {
      await auth.forgetPhone(tx, phone);
      await numbers.forgetPhone(tx, phone);
    },
  });
  return {
    account: createAccount({ ...frame, sessions, parts }),
    erasure,
    exportedTables: parts.flatMap(({ tables }) => tables),
  };
};

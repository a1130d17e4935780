import type { CoreFeatures } from "./client.ts";
import { createContacts } from "./contacts/contacts.ts";
import { EdVoyageError } from "./errors.ts";
import { createProfile } from "./profile/profile.ts";
import { createReads } from "./reads/reads.ts";
import { createSessions } from "./sessions/sessions.ts";
import type { FeatureContext } from "./students/open-student.ts";

/** What a student has in every client. */
export const openCoreFeatures = async ({ account }: FeatureContext): Promise<CoreFeatures> => {
  const { records, clock, report, outbox } = account;
  const onNotKept = (cause: unknown): void =>
    report({ kind: "not-kept", message: "An answer could not be kept.", cause });
  const reads = createReads({ records, clock, onNotKept });
  const contacts = createContacts(account, reads);
  return {
    reads,
    contacts,
    sessions: createSessions(account, reads),
    profile: createProfile(account, reads),
    editDocument: async () => {
      throw new EdVoyageError("document/refused", "This client has no documents.");
    },
    settled: (entry, answer) => void contacts.settled(entry, answer).catch(onNotKept),
    wake: () => reads.wake(),
    flush: (options) => outbox.flush(options),
    close: async () => reads.close(),
  };
};

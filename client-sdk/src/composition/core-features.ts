import type { FeatureModules } from "../students/feature-module.ts";
import { procedureAt } from "../rpc/server-api.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { profileProjections } from "../profile/profile.ts";
import { openAreaChanges } from "../reads/area-changes.ts";
import { createReads } from "../reads/reads.ts";
import type { CoreFeatures, FeatureContext } from "../students/features.ts";

/** Opens the features that a student has in every client. */
export const openCoreFeatures = async (
  { account }: FeatureContext,
  chosen: FeatureModules,
): Promise<CoreFeatures> => {
  const { userId, records, clock, report, outbox, rpc } = account;
  const onNotKept = (cause: unknown): void =>
    report({ kind: "not-kept", message: "An answer could not be stored.", cause });
  const areas = await openAreaChanges(records, () => reads.wake());
  const reads = createReads({
    records,
    clock,
    onNotKept,
    ask: (procedure, input) => procedureAt(rpc, procedure).query(input),
    changedAt: areas.changedAt,
    own: {
      userId,
      inArea: outbox.inArea,
      projections: Object.assign(
        {},
        profileProjections,
        ...Object.values(chosen).map((area) => area.projections),
      ),
    },
  });
  return {
    reads,
    areas,
    editDocument: async () => {
      throw new EdVoyageError("document/refused", "This client has no documents.");
    },
    settled: (entry, answer) => void reads.settled({ entry, answer }).catch(onNotKept),
    wake: () => reads.wake(),
    flush: (options) => outbox.flush(options),
    close: async () => reads.close(),
  };
};

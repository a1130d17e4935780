import type { SessionId } from "@edvoyage/protocol";
import type { Observable } from "../runtime/observable.ts";
import type { NewId } from "../runtime/ids.ts";
import type { Records } from "../storage/records.ts";
import type { CurrentStudent } from "./current-student.ts";
import type { CoreFeatures } from "./features.ts";
import type { StudentContext } from "./student-context.ts";
import type { Projections } from "../reads/query.ts";
import type { InputChecks } from "../runtime/valid-input.ts";

/** The device of a feature, whoever is signed in. */
export interface FeatureDevice {
  /** Returns the records that belong to no student. Throws while the client is not open. */
  readonly records: () => Records;
  readonly newId: NewId;
  /** Returns the student who is signed in, with the session; `undefined` without one. */
  readonly signedIn: () => SignedIn | undefined;
}

/** A student who is signed in, with the session. */
export interface SignedIn {
  readonly account: Pick<StudentContext, "records" | "outbox">;
  readonly session: Observable<{ readonly id: SessionId }>;
}

/** An optional feature of a client. An app includes it by importing it. */
export interface FeatureModule<Api> {
  /** Creates its API for the student who is signed in. */
  readonly open: (student: CurrentStudent<CoreFeatures>, device: FeatureDevice) => Api;
  /** Called after each change of the session. */
  onSession?(api: Api): Promise<void>;
  /** How its queued commands change the results of reads. */
  readonly projections: Projections;
  /** Loads the checks of its commands, unless the app has chosen others. */
  readonly checks?: InputChecks;
}

/** Features by the names that they have on the client. */
export type FeatureModules = Readonly<Record<string, FeatureModule<unknown>>>;

/** The APIs of the chosen features, by name. */
export type OpenedFeatures<Chosen extends FeatureModules> = {
  readonly [Name in keyof Chosen]: Chosen[Name] extends FeatureModule<infer Api> ? Api : never;
};

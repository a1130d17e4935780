import type { CurrentStudent } from "./current-student.ts";
import type { Projections } from "../reads/query.ts";
import type { InputChecks } from "../runtime/valid-input.ts";

/** An optional feature of a client. An app includes it by importing it. */
export interface FeatureModule<Api> {
  /** Creates its API for the student who is signed in. */
  readonly open: (student: CurrentStudent) => Api;
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

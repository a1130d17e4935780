import type { Access } from "./access.ts";
import type { Projections } from "../reads/query.ts";

/** A part of what a student keeps on the server that an app may do without: it is taken by being imported. */
export interface FeatureModule<Api> {
  readonly open: (access: Access) => Api;
  /** What its commands do to what is read. */
  readonly projections: Projections;
}

/** Areas by the names under which a client has them. */
export type FeatureModules = Readonly<Record<string, FeatureModule<unknown>>>;

/** What a client has of its areas. */
export type OpenedFeatures<Chosen extends FeatureModules> = {
  readonly [Name in keyof Chosen]: Chosen[Name] extends FeatureModule<infer Api> ? Api : never;
};

import type { UserId } from "@edvoyage/protocol";
import type { Fresh, ReadOptions, Reads } from "../reads/reads.ts";
import type { ServerCalls } from "../calls.ts";

/** What a student tells of herself. */
export interface Profile {
  readonly id: UserId;
  readonly name: string | null;
  /** The server's clock. */
  readonly updatedAt: number;
}

/** The student's own profile. */
export interface ProfileReader {
  get(options?: ReadOptions): Promise<Fresh<Profile>>;
}

export const createProfile = ({ rpc }: { readonly rpc: ServerCalls }, reads: Reads): ProfileReader => ({
  get: (options) =>
    reads.read({ procedure: "profile.get", input: null, fetch: () => rpc.profile.get.query() }, options),
});

import type { Queries, Tables, UnitOfWork } from "@edvoyage/db";
import {
  PROFILE_LIMITS,
  type UserId,
  type PublicProfile,
  type Profile,
  type ProfileChange,
} from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import {
  profileQueries as queries,
  updateProfile,
  type ProfileRow,
  type PublicProfileRow,
} from "./profile.store.ts";

export type { PublicProfile, Education, Work, Profile } from "@edvoyage/protocol";

/** Reads and changes students' profiles. */
export interface Profiles {
  /** Returns the student's own profile. Throws `not-found`. */
  get(userId: UserId): Promise<Profile>;
  /**
   * Changes the given fields. If two devices change the same field, the change that reaches the server last wins;
   * changes of different fields both take effect. A list is one field. Returns the profile as it is now, also when the
   * command is repeated. Throws `input/invalid` for a date of birth that results in an implausible age.
   */
  update(source: CommandSource, change: ProfileChange): Promise<Profile>;
  /**
   * Returns a profile as another student sees it. Throws `not-found` for an unknown id, if that student has blocked the
   * viewer (a student still sees those they have blocked themselves), and if that student has deleted their account.
   */
  publicOf(viewerId: UserId, userId: UserId): Promise<PublicProfile>;
}

export interface ProfilesDeps {
  readonly read: Queries;
  readonly clock: Clock;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly isBlocked: (
    queries: Pick<Queries, "first">,
    pair: { readonly by: UserId; readonly userId: UserId },
  ) => Promise<boolean>;
  /** Called when a student allows others to find them by their number. */
  readonly becameFindable: (tx: UnitOfWork, userId: UserId, now: number) => Promise<void>;
}

export const createProfiles = (deps: ProfilesDeps): Profiles => {
  const { read, clock, commands, areas, isBlocked, becameFindable } = deps;
  const find = async (userId: UserId): Promise<Profile> => {
    const row = await read.first(queries.byUser, { userId });
    if (!row) throw noSuchProfile();
    return rowToProfile(row);
  };

  return {
    get: find,

    update: async (source, change) => {
      // Checked outside the command: the same input may be valid on another day.
      if (change.dateOfBirth) assertSaneAge(change.dateOfBirth, clock.now());
      await commands.execute(source, { procedure: "profile.update", input: change }, async (tx, now) => {
        const columns = changeToColumns(change);
        if (Object.keys(columns).length > 0) {
          await updateProfile(tx, source.userId, { ...columns, updated_at: now });
          await areas.touch(tx, source.userId, { area: "profile", now });
          if (change.findable) await becameFindable(tx, source.userId, now);
        }
        return {};
      });
      return find(source.userId);
    },

    publicOf: async (viewerId, userId) => {
      const [row, isHidden] = await Promise.all([
        read.first(queries.publicByUser, { userId }),
        isBlocked(read, { by: userId, userId: viewerId }),
      ]);
      if (!row || isHidden) throw noSuchProfile();
      return rowToPublicProfile(row);
    },
  };
};

/** Checks that the age is plausible for a student. The date itself was checked before. */
const assertSaneAge = (dateOfBirth: string, now: number): void => {
  const today = new Date(now).toISOString();
  const hadBirthday = today.slice(5, 10) >= dateOfBirth.slice(5);
  const age = Number(today.slice(0, 4)) - Number(dateOfBirth.slice(0, 4)) - (hadBirthday ? 0 : 1);
  if (age >= PROFILE_LIMITS.leastAge && age <= PROFILE_LIMITS.greatestAge) return;
  throw new AppError("input/invalid", "The date of birth is not plausible for a student.", {
    issues: [
      {
        path: "dateOfBirth",
        message: `Must be ${PROFILE_LIMITS.leastAge} to ${PROFILE_LIMITS.greatestAge} years ago`,
      },
    ],
  });
};

const changeToColumns = (change: ProfileChange): Partial<Tables["profiles"]> => {
  const { name, photoUrl, bio, institution, homeCountry, dateOfBirth, findable } = change;
  const columns = {
    name,
    photo_url: photoUrl,
    bio,
    institution,
    home_country: homeCountry,
    date_of_birth: dateOfBirth,
    education: listToColumn(change.education),
    work: listToColumn(change.work),
    preferred_countries: listToColumn(change.preferredCountries),
    preferred_levels: listToColumn(change.preferredLevels),
    findable: findable === undefined ? undefined : Number(findable),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
};

const listToColumn = (list: readonly unknown[] | undefined): string | null | undefined =>
  list && (list.length === 0 ? null : JSON.stringify(list));

const columnToList = <Item>(column: string | null): readonly Item[] =>
  column === null ? [] : JSON.parse(column);

const rowToPublicProfile = (row: PublicProfileRow): PublicProfile => ({
  id: row.user_id,
  name: row.name,
  photoUrl: row.photo_url,
  bio: row.bio,
  institution: row.institution,
  homeCountry: row.home_country,
});

const rowToProfile = (row: ProfileRow): Profile => ({
  ...rowToPublicProfile(row),
  phone: row.phone,
  dateOfBirth: row.date_of_birth,
  education: columnToList(row.education),
  work: columnToList(row.work),
  preferredCountries: columnToList(row.preferred_countries),
  preferredLevels: columnToList(row.preferred_levels),
  findable: row.findable === 1,
  updatedAt: row.updated_at,
});

const noSuchProfile = () => new AppError("not-found", "There is no such profile.");

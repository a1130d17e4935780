import type { Queries, Tables, UnitOfWork } from "@edvoyage/db";
import { PROFILE_LIMITS, type CourseLevel, type UserId } from "@edvoyage/protocol";
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

/** What other students see of one. Whatever she has not told is `null`. */
export interface PublicProfile {
  readonly id: UserId;
  readonly name: string | null;
  /** `https:`. */
  readonly photoUrl: string | null;
  /** May have several lines. */
  readonly bio: string | null;
  readonly institution: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly homeCountry: string | null;
}

/** Where and what a student has studied. Months are `YYYY-MM`. */
export interface Education {
  readonly institution: string;
  readonly degree: string | null;
  readonly field: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** Where and as what a student has worked. Months are `YYYY-MM`. */
export interface Work {
  readonly employer: string;
  readonly title: string | null;
  /** May have several lines. */
  readonly description: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** A student as herself sees her: the public part, and what nobody else is told. */
export interface Profile extends PublicProfile {
  /** E.164. It changes with no profile: it is what she signs in with. */
  readonly phone: string;
  /** `YYYY-MM-DD`. */
  readonly dateOfBirth: string | null;
  /** In her own order, as is `work`. */
  readonly education: readonly Education[];
  readonly work: readonly Work[];
  /** ISO 3166-1 alpha-2, in her own order. */
  readonly preferredCountries: readonly string[];
  readonly preferredLevels: readonly CourseLevel[];
  /** Whether whoever has her number may find her by it. Off until she turns it on. */
  readonly findable: boolean;
  readonly updatedAt: number;
}

/** What of a profile is to change. What is not named stays; `null` and an empty list take away. */
export type ProfileChange = {
  readonly [Field in keyof Omit<Profile, "id" | "phone" | "updatedAt">]?: Profile[Field] | undefined;
};

/** What students tell of themselves. */
export interface Profiles {
  /** Throws `not-found`. */
  get(userId: UserId): Promise<Profile>;
  /**
   * Changes what is named. Of two devices that change the same field, the one that reaches the server last wins; of
   * different fields both take effect. A list is one field. Answers with the profile as it is now, also when the command is
   * repeated. Throws `input/invalid` for a date of birth that gives no sane age.
   */
  update(asking: CommandSource, change: ProfileChange): Promise<Profile>;
  /**
   * What one student sees of another. Throws `not-found` for nobody's id, for whom the other has blocked (she herself still sees
   * whom she blocks), and for one who has deleted her account.
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
  /** Called when she lets herself be found by her number, who could not before. */
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

    update: async (asking, change) => {
      // Before the command: another day may allow it.
      if (change.dateOfBirth) assertSaneAge(change.dateOfBirth, clock.now());
      await commands.execute(asking, { procedure: "profile.update", input: change }, async (tx, now) => {
        const columns = changeToColumns(change);
        if (Object.keys(columns).length > 0) {
          await updateProfile(tx, asking.userId, { ...columns, updated_at: now });
          await areas.touch(tx, asking.userId, { area: "profile", now });
          if (change.findable) await becameFindable(tx, asking.userId, now);
        }
        return {};
      });
      return find(asking.userId);
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

/** The years that a date of birth has come to are those of whoever could sign in; the date itself is one of the calendar. */
const assertSaneAge = (dateOfBirth: string, now: number): void => {
  const today = new Date(now).toISOString();
  const hadBirthday = today.slice(5, 10) >= dateOfBirth.slice(5);
  const age = Number(today.slice(0, 4)) - Number(dateOfBirth.slice(0, 4)) - (hadBirthday ? 0 : 1);
  if (age >= PROFILE_LIMITS.leastAge && age <= PROFILE_LIMITS.greatestAge) return;
  throw new AppError("input/invalid", "This is no date of birth of a student.", {
    issues: [
      {
        path: "dateOfBirth",
        message: `${PROFILE_LIMITS.leastAge} to ${PROFILE_LIMITS.greatestAge} years ago`,
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

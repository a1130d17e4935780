import type { Queries } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { maskPhone } from "../numbers/phone.ts";
import { usersPage } from "./account.store.ts";
import { isDetached } from "./erasure.ts";

/** A student as an admin sees them. */
export interface InspectedUser {
  readonly id: UserId;
  /** Masked unless requested in full; always masked during an erasure. */
  readonly phone: string;
  readonly name: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly homeCountry: string | null;
  readonly createdAt: number;
  /** `null` when no session of the last months is left. */
  readonly lastSeenAt: number | null;
  /** `deleted`: the student deleted the account and can get it back by signing in before `eraseAt`. */
  readonly state: "active" | "deleted" | "erasing";
  readonly eraseAt: number | null;
}

/** Lists and shows students to admins. */
export interface UserInspection {
  /** Lists students, newest first. */
  list(options: {
    readonly phone?: string | undefined;
    readonly onlyDeleted: boolean;
    readonly showPhones: boolean;
    readonly cursor?: string | null | undefined;
    readonly limit: number;
  }): Promise<Page<InspectedUser>>;
  /** Finds a student by id or by E.164 number. Throws `not-found`. */
  show(
    who: { readonly userId: UserId } | { readonly phone: string },
    options: { readonly showPhones: boolean },
  ): Promise<InspectedUser>;
}

export const createUserInspection = ({ read }: { readonly read: Queries }): UserInspection => ({
  list: async ({ phone, onlyDeleted, showPhones, cursor, limit }) => {
    const before = parseCursor(cursor, "admin.users", z.tuple([z.string()]));
    const rows = await usersPage(read, {
      phone,
      onlyDeleted,
      before: before && toUserId(before[0]),
      limit: limit + 1,
    });
    return toPage(rows, limit, {
      list: "admin.users",
      itemOf: (row) => rowToInspected(row, showPhones),
      positionOf: ({ id }) => [id],
    });
  },

  show: async (who, { showPhones }) => {
    const [row] = await usersPage(read, { ...who, onlyDeleted: false, before: undefined, limit: 1 });
    if (!row) throw new AppError("not-found", "There is no such student.");
    return rowToInspected(row, showPhones);
  },
});

type Row = Awaited<ReturnType<typeof usersPage>>[number];

const rowToInspected = (row: Row, showPhones: boolean): InspectedUser => {
  const shown = showPhones ? row.phone : maskPhone(row.phone);
  const isErasing = isDetached(row);
  return {
    id: row.id,
    phone: isErasing ? (row.masked_phone ?? "") : shown,
    name: row.name,
    homeCountry: row.home_country,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    state: isErasing ? "erasing" : row.erase_at === null ? "active" : "deleted",
    eraseAt: isErasing ? null : row.erase_at,
  };
};

const toUserId = (text: string): UserId => text as UserId;

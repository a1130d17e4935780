import { prepare, type Queries } from "@edvoyage/db";
import type { SessionId, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { NewId } from "../platform/crypto.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { maskPhone } from "../numbers/phone.ts";

/** The kinds of acts that the audit log keeps. */
export type AuditAction =
  | "sign-in.succeeded"
  | "sign-in.wrong-code"
  | "sign-in.blocked"
  | "session.logout"
  | "session.revoked"
  | "session.replaced"
  | "session.limit"
  | "account.deletion-requested"
  | "account.deletion-undone"
  | "account.erasure-begun"
  | "account.erased"
  | "account.exported"
  | "number.unblocked"
  | "post.removed"
  | "application.moved"
  | "application.document-judged"
  | "catalogue.imported"
  | "catalogue.seeded"
  | "world.seeded"
  | "database.backed-up"
  | "database.restored";

/** Who acted: a student, a device without a session, a holder of the admin token, or the server on schedule. */
export type AuditActor = `user:${UserId}` | "device" | "admin" | "system";

/** An act to record. */
export interface AuditEntry {
  readonly at: number;
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly userId?: UserId;
  readonly sessionId?: SessionId;
  /** E.164. Only its masked form is kept, so that no entry leads to an erased student. */
  readonly phone?: string;
  /** The masked form, when the number itself is already gone. */
  readonly maskedPhone?: string | undefined;
  readonly ip?: string;
  readonly reason?: string | undefined;
}

/** An entry as an admin reads it. */
export interface AuditRecord {
  readonly id: string;
  readonly at: number;
  readonly action: string;
  readonly actor: string;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly phone: string | null;
  readonly ip: string | null;
  readonly reason: string | null;
}

/** The append-only record of who did what; the database refuses to change it. */
export interface Audit {
  /** Records an act in the unit of work of the act itself, so that neither is stored without the other. */
  record(tx: Queries, entry: AuditEntry): Promise<void>;
  /**
   * Removes the IP addresses from the entries of an erased student's phone. Entries are found by the masked number, so
   * entries of other numbers with the same masked form lose their addresses, too.
   */
  forgetAddresses(tx: Queries, phone: string): Promise<void>;
  /** Lists the entries, newest first. */
  list(page: { cursor?: string | null | undefined; limit: number }): Promise<Page<AuditRecord>>;
}

const insert = prepare<{
  id: string;
  at: number;
  action: string;
  actor: string;
  userId: string | null;
  sessionId: string | null;
  phone: string | null;
  ip: string | null;
  reason: string | null;
}>()((query, param) =>
  query.insertInto("audit_log").values({
    id: param.id,
    at: param.at,
    action: param.action,
    actor: param.actor,
    user_id: param.userId,
    session_id: param.sessionId,
    phone: param.phone,
    ip: param.ip,
    reason: param.reason,
  }),
);

const forgetAddresses = prepare<{ phone: string }>()((query, param) =>
  query
    .updateTable("audit_log")
    .set({ ip: null })
    .where("phone", "=", param.phone)
    .where("ip", "is not", null),
);

export const createAudit = ({ read, newId }: { readonly read: Queries; readonly newId: NewId }): Audit => ({
  record: async (tx, { at, action, actor, userId, sessionId, phone, maskedPhone, ip, reason }) => {
    await tx.all(insert, {
      id: newId(at),
      at,
      action,
      actor,
      userId: userId ?? null,
      sessionId: sessionId ?? null,
      phone: phone ? maskPhone(phone) : (maskedPhone ?? null),
      ip: ip ?? null,
      reason: reason ?? null,
    });
  },

  forgetAddresses: async (tx, phone) => {
    await tx.all(forgetAddresses, { phone: maskPhone(phone) });
  },

  list: async ({ cursor, limit }) => {
    const after = parseCursor(cursor, "audit", z.tuple([z.string()]));
    const rows = await read.kysely
      .selectFrom("audit_log")
      .selectAll()
      .$if(after !== undefined, (query) => query.where("id", "<", after?.[0] ?? ""))
      .orderBy("id", "desc")
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, {
      list: "audit",
      itemOf: ({ user_id: userId, session_id: sessionId, ...row }) => ({ ...row, userId, sessionId }),
      positionOf: ({ id }) => [id],
    });
  },
});

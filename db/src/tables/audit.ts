/** Append-only: triggers refuse deletions, and updates but for taking `ip` away. Read by `admin.audit.list`. */
export interface AuditTable {
  id: string;
  at: number;
  action: string;
  /** `user:<id>`, `device`, `admin` or `system`. */
  actor: string;
  user_id: string | null;
  session_id: string | null;
  /** Masked. */
  phone: string | null;
  ip: string | null;
  reason: string | null;
}

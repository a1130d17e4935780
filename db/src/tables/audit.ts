/**
 * The append-only audit log: triggers reject deletions, and all updates except removing `ip`. Read by
 * `admin.audit.list`.
 */
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

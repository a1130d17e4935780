import type { Session, SessionId } from "@edvoyage/protocol";
import type { CurrentStudent } from "../students/current-student.ts";
import type { Page, PageFilter } from "@edvoyage/protocol";
import type { Fresh, ReadOptions } from "../reads/query.ts";

/** A student's signed-in devices. */
export interface Sessions {
  /** Returns the sessions, the most recently used first. */
  list(filter?: PageFilter, options?: ReadOptions): Promise<Fresh<Page<Session>>>;
  /** Signs a device out; its sockets are closed within a second. Throws `not-found`, `offline`. */
  revoke(sessionId: string): Promise<void>;
  /** Signs out all other devices; returns how many there were. Throws `offline`. */
  revokeOthers(): Promise<number>;
}

export const createSessions = ({ open, call }: CurrentStudent): Sessions => ({
  list: (input = {}, options = {}) => open({ procedure: "sessions.list", input }).get(options),
  revoke: async (sessionId) => {
    await call((rpc) => rpc.sessions.revoke.mutate({ sessionId: sessionId as SessionId }));
  },
  revokeOthers: async () => (await call((rpc) => rpc.sessions.revokeOthers.mutate())).ended,
});

import type { SimulatedWorld } from "./world.ts";

/**
 * Checks that a session is stored as ended when the server has told an admin so. At the end of a history it would be too late:
 * the next sign-in on the device ends the session as well.
 */
export const checkRevoked = ({ server, violations }: SimulatedWorld, sessionId: string): void => {
  const live = server.rows<{ readonly id: string }>("select id from sessions where ended_at is null");
  if (live.some(({ id }) => id === sessionId))
    violations.push(`The session ${sessionId} lives, although an admin has ended it`);
};

/** Checks that nothing is left of the bytes of removed messages, nor of their edits. No device and no answer shows those. */
export const checkRemoved = ({ server, violations }: SimulatedWorld): void => {
  const left = server.rows<{ readonly id: string; readonly kind: string; readonly message_id: string }>(`
    select content.id, content.kind, removal.subject_id as message_id
    from log_entries as removal
    join log_entries as content on content.id = removal.subject_id
      or (content.kind = 'edit' and content.subject_id = removal.subject_id)
    where removal.kind = 'remove' and content.bytes is not null`);
  for (const { id, kind, message_id: messageId } of left) {
    violations.push(
      `The bytes of the ${kind} ${id} are stored, although the message ${messageId} is removed`,
    );
  }
};

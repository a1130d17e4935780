import { areaOf, type QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { ErrorReason } from "../runtime/errors.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** Commands that the app sends by itself. Nobody waits for them, and nobody can act when one is refused. */
const BACKGROUND: ReadonlySet<QueuedProcedure> = new Set([
  "chat.markRead",
  "notifications.markRead",
  "push.register",
  "push.unregister",
]);

/** Commands that have nothing left to do once the thing that they are about is gone. */
const MOOT_WHEN_GONE: ReadonlySet<QueuedProcedure> = new Set([
  "chat.react",
  "chat.remove",
  "chat.markRead",
  "notifications.markRead",
  "contacts.remove",
  "social.like",
  "social.unlike",
  "social.follow",
  "social.unfollow",
  "social.removePost",
  "social.removeComment",
  "applications.removeDocument",
  "push.unregister",
]);

/** Commands that make failed changes of the same thing pointless, because it is gone afterwards. */
const REMOVES_THING: ReadonlySet<QueuedProcedure> = new Set([
  "chat.remove",
  "contacts.remove",
  "social.removePost",
  "social.removeComment",
  "applications.removeDocument",
]);

/** The inputs that say what a command is about, the narrowest first. */
const IDS = ["documentId", "messageId", "commentId", "postId", "applicationId", "userId", "phone", "roomId"];

/** Commands that create something new, which is known by their own id. */
const CREATES: ReadonlySet<QueuedProcedure> = new Set([
  "chat.send",
  "social.post",
  "social.comment",
  "applications.create",
  "applications.addDocument",
]);

/** Returns whether a command belongs to the app alone. It counts neither as pending nor as failed. */
export const isBackground = ({ procedure }: Pick<OutboxEntry, "procedure">): boolean =>
  BACKGROUND.has(procedure);

/** Returns whether a command creates something of its own, which is not what its other ids name. */
export const isCreation = ({ procedure }: OutboxEntry): boolean => CREATES.has(procedure);

/** Returns whether a refusal only says that there is nothing left to do. */
export const isMoot = ({ procedure }: OutboxEntry, reason: ErrorReason): boolean =>
  MOOT_WHEN_GONE.has(procedure) &&
  (reason === "not-found" || (reason === "forbidden" && BACKGROUND.has(procedure)));

/**
 * Returns whether a command that succeeded makes a failure pointless: it did the same thing again, with the same fields at least, or
 * it removed what the failure was about. `isNewer` tells whether it was written after the failed one: a retry of what was written
 * before does not do the same thing.
 */
export const isObsolete = (failed: OutboxEntry, succeeded: OutboxEntry, isNewer = true): boolean => {
  if (failed.state !== "failed" || failed.id === succeeded.id) return false;
  if (REMOVES_THING.has(succeeded.procedure)) {
    const removed = thingOf(succeeded);
    if (String(failed.id) === removed) return true;
    // A reply or a comment is the student's own text, whatever became of what it answers.
    if (isCreation(failed) || areaOf(failed.procedure) !== areaOf(succeeded.procedure)) return false;
    return Object.values(failed.input).includes(removed);
  }
  if (!isNewer || failed.procedure !== succeeded.procedure || isCreation(failed)) return false;
  return thingOf(failed) === thingOf(succeeded) && covers(fieldsOf(succeeded), fieldsOf(failed));
};

/** Returns whether a pending command after a failed one, in their order, makes the failure pointless if it succeeds. */
export const isRepeated = (failed: OutboxEntry, entries: readonly OutboxEntry[]): boolean => {
  const place = entries.indexOf(failed);
  return entries.some((other, at) => at > place && other.state === "pending" && isObsolete(failed, other));
};

const thingOf = ({ input }: OutboxEntry): unknown => {
  const fields: Readonly<Record<string, unknown>> = { ...input };
  return fields[IDS.find((name) => name in fields) ?? ""];
};

/** Returns the names of the fields that a command changes. */
const fieldsOf = ({ input }: OutboxEntry): ReadonlySet<string> =>
  new Set(namesIn("changes" in input ? input.changes : input));

/** Returns the names of an object's fields, nested ones too, such as `kinds.chat.push`. */
const namesIn = (value: unknown, before = ""): readonly string[] =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? [before]
    : Object.entries(value).flatMap(([name, field]) =>
        field === undefined ? [] : namesIn(field, `${before}.${name}`),
      );

const covers = (later: ReadonlySet<string>, earlier: ReadonlySet<string>): boolean =>
  [...earlier].every((name) => later.has(name));

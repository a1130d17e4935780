import type { Ledger, NotedCommand } from "./ledger.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

/** Reasons for which the server may refuse a command in a history: somebody removed what the command should change. */
const LEGITIMATE_REASONS: ReadonlySet<string | undefined> = new Set([
  "not-found",
  "conflict",
  "forbidden",
  "refused-on-the-way",
]);

/** Commands that have nothing left to do when what they are about is gone; the outbox drops them then. */
const MOOT_WHEN_GONE: ReadonlySet<NotedCommand["procedure"]> = new Set([
  "chat.react",
  "chat.remove",
  "chat.markRead",
  "contacts.remove",
]);

/** The commands of a student that took effect on the server. */
export type AppliedOf = (student: SimulatedStudent) => ReadonlySet<string>;

/** Reads from the database which commands took effect. */
export const readApplied = ({ server, students }: SimulatedWorld): AppliedOf => {
  const rows = server.rows<{ readonly user_id: string; readonly command_id: string }>(
    "select user_id, command_id from commands",
  );
  const idsByStudent = new Map(
    students.map(({ id }) => [
      id,
      new Set(rows.flatMap((row) => (row.user_id === id ? [row.command_id] : []))),
    ]),
  );
  return ({ id }) => idsByStudent.get(id) ?? new Set();
};

/**
 * Checks, at the end of a history, that every command has a final result: a command that left an outbox took effect,
 * unless it was discarded; a refused command took no effect; and nothing took effect that nobody wrote.
 */
export const checkCommands = (world: SimulatedWorld, appliedOf: AppliedOf): void => {
  const { ledger, students, violations } = world;
  const applied = new Map(students.map((student) => [student.name, appliedOf(student)]));
  for (const command of ledger.commands) {
    const { id, device, student, procedure, state, reason, mayBeDiscarded } = command;
    const name = `${procedure} ${id} of ${student} on ${device}`;
    const isApplied = applied.get(student)?.has(id) ?? false;
    if (state === "waiting") violations.push(`${name} was never sent`);
    const isMoot = MOOT_WHEN_GONE.has(procedure) && world.sent.has(id);
    const isExcused = mayBeDiscarded || isMoot || isReplaced(command, ledger) || isObsolete(command, ledger);
    if (state === "gone" && !isApplied && !isExcused) violations.push(`${name} was lost`);
    // The server does not remember a refusal, because the student may retry. A command that arrives twice is judged
    // twice.
    // Something on the way may have answered after the server had acted.
    const isJudgedByServer = reason !== "refused-on-the-way" && world.sent.get(id)?.times === 1;
    if (state === "refused" && isApplied && isJudgedByServer) {
      violations.push(`${name} was refused, and took effect`);
    }
    if (state === "refused" && !LEGITIMATE_REASONS.has(reason)) {
      violations.push(`${name} was refused: ${reason}`);
    }
  }
  for (const [student, ids] of applied) {
    for (const id of ids) {
      if (!ledger.has(id) && !world.sent.has(id))
        violations.push(`${student} has an effect of a command that no device wrote`);
    }
  }
};

/** Returns whether a later command for the same message or room replaced this one before it was sent. */
const isReplaced = (command: NotedCommand, ledger: Ledger): boolean => {
  const { procedure, input } = command;
  const subject = subjectOf(input);
  if (!REPLACEABLE.has(procedure)) return false;
  const later = ledger.of(command);
  return later
    .slice(later.indexOf(command) + 1)
    .some((other) => other.procedure === procedure && subjectOf(other.input) === subject);
};

/** Returns whether the app has shown the command as refused, and a later one did the same or removed its subject. */
const isObsolete = (command: NotedCommand, ledger: Ledger): boolean => {
  if (!command.wasRefused) return false;
  const subject = subjectOf(command.input);
  const later = ledger.of(command);
  return later
    .slice(later.indexOf(command) + 1)
    .some(
      ({ procedure, input, state }) =>
        state === "gone" &&
        subjectOf(input) === subject &&
        (procedure === command.procedure || MOOT_WHEN_GONE.has(procedure)),
    );
};

const REPLACEABLE: ReadonlySet<NotedCommand["procedure"]> = new Set([
  "chat.edit",
  "chat.react",
  "chat.markRead",
]);

const subjectOf = (input: NotedCommand["input"]): string | undefined => {
  if ("messageId" in input) return input.messageId;
  if ("userId" in input) return input.userId;
  return "roomId" in input ? input.roomId : undefined;
};

import type { NotedCommand } from "./ledger.ts";

/** A contact in the model; `null` means none. */
export type ModelContact = {
  readonly nickname: string | null;
  readonly favourite: boolean;
  readonly blocked: boolean;
} | null;

/** Commands of one student about one contact, in the order in which a device sends them. */
export interface Lane {
  readonly commands: readonly ModelCommand[];
}

/** A command that took effect once or was refused. */
export interface ModelCommand extends Readonly<Pick<NotedCommand, "notedAt" | "settledAt">> {
  readonly procedure: string;
  readonly input: object;
  readonly outcome: "applied" | "refused";
}

/** A command may have been sent this much earlier than it was seen on its device, in milliseconds. */
const SLACK_MS = 1_000;

/**
 * Returns whether these commands can have led to this contact: each applied once, those of a lane in order, and none
 * before a command that was settled before it was written. Tries all orders that satisfy this.
 */
export const isExplained = (contact: ModelContact, lanes: readonly Lane[]): boolean => {
  const start = lanes.map(() => 0);
  let reached = new Map<string, Reached>([[keyOf(start, null), { done: start, contact: null }]]);
  const commands = lanes.reduce((sum, lane) => sum + lane.commands.length, 0);
  for (let step = 0; step < commands; step += 1) {
    const next = new Map<string, Reached>();
    for (const { done, contact: before } of reached.values()) {
      for (const [index, lane] of lanes.entries()) {
        const command = lane.commands[done[index] ?? 0];
        if (!command || isTooEarly(command, lanes, done)) continue;
        const after = apply(command, before);
        if ((after === "refused") !== (command.outcome === "refused")) continue;
        const state = after === "refused" ? before : after;
        const advanced = done.map((count, at) => (at === index ? count + 1 : count));
        next.set(keyOf(advanced, state), { done: advanced, contact: state });
      }
    }
    reached = next;
  }
  return [...reached.values()].some((end) => JSON.stringify(end.contact) === JSON.stringify(contact));
};

interface Reached {
  /** How many commands of each lane were applied. */
  readonly done: readonly number[];
  readonly contact: ModelContact;
}

const keyOf = (done: readonly number[], contact: ModelContact): string => JSON.stringify([done, contact]);

/** Returns whether another command, not applied yet, was settled before this one was written. */
const isTooEarly = (command: ModelCommand, lanes: readonly Lane[], done: readonly number[]): boolean =>
  lanes.some((lane, index) => {
    const next = lane.commands[done[index] ?? 0];
    return next !== undefined && next.settledAt < command.notedAt - SLACK_MS;
  });

const apply = ({ procedure, input }: ModelCommand, contact: ModelContact): ModelContact | "refused" => {
  const change = input as Partial<NonNullable<ModelContact>>;
  if (procedure === "contacts.remove") return contact ? null : "refused";
  if (procedure === "contacts.update" && !contact && change.blocked !== true) return "refused";
  const { nickname, favourite, blocked } = { ...(contact ?? NEW), ...change };
  return { nickname, favourite, blocked };
};

const NEW: NonNullable<ModelContact> = { nickname: null, favourite: false, blocked: false };

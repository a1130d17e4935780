import type { NotedCommand } from "./ledger.ts";

/** A contact as a model has it; `null` is none. */
export type ModelContact = {
  readonly nickname: string | null;
  readonly favourite: boolean;
  readonly blocked: boolean;
} | null;

/** Commands of one student for one contact, in the order in which a device sends them. */
export interface Lane {
  readonly commands: readonly ModelCommand[];
}

/** A command that took effect once, or was refused. */
export interface ModelCommand extends Readonly<Pick<NotedCommand, "notedAt" | "settledAt">> {
  readonly procedure: string;
  readonly input: object;
  readonly outcome: "applied" | "refused";
}

/** A command may have been sent a little before it was seen on its device, in milliseconds. */
const SLACK_MS = 1_000;

/**
 * Whether a contact can have become what it is by these commands: each once, those of a lane in their order, and none before
 * another that was over when it was written. Tries all orders in which that may have been.
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
  /** How many commands of each lane have been. */
  readonly done: readonly number[];
  readonly contact: ModelContact;
}

const keyOf = (done: readonly number[], contact: ModelContact): string => JSON.stringify([done, contact]);

/** Whether something else was over before this was written, and has not been yet. */
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

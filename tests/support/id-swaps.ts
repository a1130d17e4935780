import type { Server } from "@edvoyage/server/app";
import { accessCases, type AccessCase } from "./access-cases.ts";
import type { AccessScene } from "./access-scene.ts";
import type { Bystander } from "./bystander.ts";
import { idFieldsOf, withField, type FieldPath } from "./input-fields.ts";
import { callProcedure } from "./procedure-call.ts";

export type Procedure = Server["procedures"][number];

/**
 * What should come of it. `refused`; `passed over`: it does nothing, whatever is answered; `command`: a command's id is its
 * student's own, so the call does what it does with any other; `open`: a student may name another there, or what another
 * has published.
 */
export type SwapState = "refused" | "passed over" | "command" | "open";

/** One field of one procedure with somebody else's id in it, sent by the owner of a scene. */
export interface Swap {
  readonly procedure: Procedure;
  readonly field: string;
  readonly kind: string;
  readonly of: Bystander;
  readonly state: SwapState;
  readonly input: unknown;
}

/** Every id of a bystander in every field of a procedure that holds an id; else as the table has it. */
export const swapsOf = (procedure: Procedure, scene: AccessScene, of: Bystander): Swap[] => {
  const row = accessCases[procedure.path];
  if (!row) throw new Error(`${procedure.path} has no row in tests/support/access-cases.ts`);
  return idFieldsOf(procedure.inputs).flatMap((path) =>
    Object.entries(of.ids).map(([kind, id]) => ({
      procedure,
      field: path.join("."),
      kind,
      of,
      state: stateOf(row, { path, kind, of }),
      input: withField(row.input?.(scene) ?? {}, path, id),
    })),
  );
};

const stateOf = (
  { passesOver = [], open = {} }: AccessCase,
  { path: [name = ""], kind, of }: { readonly path: FieldPath } & Pick<Swap, "kind" | "of">,
): SwapState => {
  if (name === "commandId") return "command";
  const field = open[name];
  if (field?.kind === kind && (field.isBlindToBlocks || !of.isBlocking)) return "open";
  return passesOver.includes(name) ? "passed over" : "refused";
};

const REFUSALS = ["not-found", "forbidden", "input/invalid", "otp/expired"];
const OUTCOMES: Readonly<Record<SwapState, readonly string[]>> = {
  refused: REFUSALS,
  "passed over": ["ok", "not-found", "forbidden"],
  // What the call does it has then done: the second time it may find nothing to do.
  command: ["ok", ...REFUSALS, "conflict"],
  open: ["ok"],
};

/** What became of it, with what is wrong with that, if anything. */
export interface Swapped extends Swap {
  readonly outcome: string;
  readonly fault: string | undefined;
}

export const trySwap = async (swap: Swap, { world, owner }: AccessScene): Promise<Swapped> => {
  const { procedure, field, kind, of, state, input } = swap;
  const { outcome, body } = await callProcedure({ url: world.url, token: owner.token }, procedure, input);
  const hidden = of.isBlocking ? [...of.secrets, ...of.shown] : of.secrets;
  // What she has asked with is no secret to her, and may be the id of what a command of hers has made.
  const asked = new Set(Object.values(of.ids));
  const told = hidden.filter((secret) => body.includes(secret) && !asked.has(secret));
  const isRight = OUTCOMES[state].includes(outcome) && told.length === 0;
  const what = `${procedure.path} with the ${kind} id of ${of.name} in ${field} (${state})`;
  const came = [outcome, ...told, body.slice(0, 500)].join(" ");
  return { ...swap, outcome, fault: isRight ? undefined : `${what}: ${came}` };
};

import type { Server } from "@edvoyage/server/app";
import { accessCases, type AccessCase } from "./access-cases.ts";
import type { AccessScene } from "./access-scene.ts";
import type { Bystander } from "../students/bystander.ts";
import { idFieldsOf, withField, type FieldPath } from "./input-fields.ts";
import { callProcedure } from "../network/procedure-call.ts";

export type Procedure = Server["procedures"][number];

/**
 * The expected result. `refused`: the call fails. `passed over`: the call has no effect, whatever it answers.
 * `command`: ids of commands are scoped to their student, so the call does what it does with any other id. `open`: the
 * field may name another student, or something that another student has published.
 */
export type SwapState = "refused" | "passed over" | "command" | "open";

/** One call by the owner of a scene, with a bystander's id in one field. */
export interface Swap {
  readonly procedure: Procedure;
  readonly field: string;
  readonly kind: string;
  readonly of: Bystander;
  readonly state: SwapState;
  readonly input: unknown;
}

/**
 * Builds a call for every id of a bystander in every id field of a procedure. The other fields are those of the access
 * case.
 */
export const swapsOf = (procedure: Procedure, scene: AccessScene, of: Bystander): Swap[] => {
  const row = accessCases[procedure.path];
  if (!row) throw new Error(`${procedure.path} has no row in tests/support/sweeps/access-cases.ts`);
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
  // An earlier swap has already done what the call does, so this one may find nothing to do.
  command: ["ok", ...REFUSALS, "conflict"],
  open: ["ok"],
};

/** The outcome of a swap. `fault` describes what is wrong with it, if anything. */
export interface Swapped extends Swap {
  readonly outcome: string;
  readonly fault: string | undefined;
}

export const trySwap = async (swap: Swap, { world, owner }: AccessScene): Promise<Swapped> => {
  const { procedure, field, kind, of, state, input } = swap;
  const { outcome, body } = await callProcedure({ url: world.url, token: owner.token }, procedure, input);
  const hidden = of.isBlocking ? [...of.secrets, ...of.shown] : of.secrets;
  // The ids that the owner sent are not secret to the owner. The answer may also repeat one as the id of a new thing.
  const sentIds = new Set(Object.values(of.ids));
  const leaked = hidden.filter((secret) => body.includes(secret) && !sentIds.has(secret));
  const isRight = OUTCOMES[state].includes(outcome) && leaked.length === 0;
  const description = `${procedure.path} with the ${kind} id of ${of.name} in ${field} (${state})`;
  const evidence = [outcome, ...leaked, body.slice(0, 500)].join(" ");
  return { ...swap, outcome, fault: isRight ? undefined : `${description}: ${evidence}` };
};

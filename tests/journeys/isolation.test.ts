import { describe, expect, test } from "vitest";
import { createAccessScene, createStage, type AccessScene } from "../support/access-scene.ts";
import { createBystander, type Bystander } from "../support/bystander.ts";
import { DIALECTS } from "../support/databases.ts";
import { createDocumentCases, openDocument } from "../support/document-sweep.ts";
import { idFieldsOf } from "../support/input-fields.ts";
import { swapsOf, trySwap, type Procedure, type SwapState } from "../support/id-swaps.ts";

/** Swaps ids and keeps account of it. */
const createSweep = async (bystanders: readonly Bystander[]) => {
  const known = new Map<Bystander, string>();
  for (const bystander of bystanders) known.set(bystander, await bystander.export());
  const faults: string[] = [];
  const outcomesByField = new Map<string, Set<string>>();
  let swaps = 0;
  return {
    faults,
    /** How each field has answered. */
    outcomesByField,
    swaps: () => swaps,
    /** Tries all swaps of a procedure that are in one of the states. */
    run: async (procedure: Procedure, scene: AccessScene, states: readonly SwapState[]): Promise<void> => {
      const due = bystanders
        .flatMap((bystander) => swapsOf(procedure, scene, bystander))
        // A block makes no difference to whose a command is.
        .filter(({ state, of }) => states.includes(state) && !(state === "command" && of.isBlocking));
      const swapped = await Promise.all(due.map((swap) => trySwap(swap, scene)));
      for (const one of swapped) {
        if (one.fault) faults.push(one.fault);
        const field = `${one.procedure.path} ${one.field}`;
        outcomesByField.set(field, (outcomesByField.get(field) ?? new Set()).add(one.outcome));
      }
      swaps += due.length;
      if (due.length === 0 || procedure.type === "query") return;
      for (const [bystander, before] of known) {
        // Who is named where others may be named is told that, unless she has blocked whoever names her.
        if (states.includes("open") && !bystander.isBlocking) continue;
        const after = await bystander.export();
        if (after !== before) faults.push(`${procedure.path} changed what is of ${bystander.name}`);
        known.set(bystander, after);
      }
    },
  };
};

describe.each(DIALECTS)("what is another's, on %s", (dialect) => {
  test(
    "is neither opened nor touched by its id in any field, nor by its name on a socket",
    {
      timeout: 180_000,
    },
    async () => {
      const stage = await createStage(dialect);
      const { procedures } = stage.server;
      const scene = await createAccessScene(stage);
      const sweep = await createSweep([
        await createBystander(stage, { name: "somebody else" }),
        await createBystander(stage, { name: "one who has blocked her", blocks: scene.owner.user.id }),
      ]);

      for (const procedure of procedures) await sweep.run(procedure, scene, ["refused", "passed over"]);
      for (const procedure of procedures) {
        const takesCommand = idFieldsOf(procedure.inputs).some(([name]) => name === "commandId");
        // One of its own: an id that was one command's is refused for the next.
        if (takesCommand) await sweep.run(procedure, await createAccessScene(stage), ["command"]);
      }
      for (const procedure of procedures) await sweep.run(procedure, scene, ["open"]);

      expect(sweep.faults).toEqual([]);
      // Each field that holds an id was swapped, in an input that was else good enough to be looked at.
      const unseen = procedures
        .flatMap(({ path, inputs }) => idFieldsOf(inputs).map((field) => `${path} ${field.join(".")}`))
        .filter((field) =>
          [...(sweep.outcomesByField.get(field) ?? [])].every((outcome) => outcome === "input/invalid"),
        );
      expect(unseen, "fields with an id that no swap has reached").toEqual([]);

      const documents = await createDocumentCases(stage);
      for (const one of documents) {
        const { name, caller, expected } = one;
        const { outcome, bytes } = await openDocument(stage, one);
        expect({ name, caller, outcome }).toEqual({ name, caller, outcome: expected });
        expect(bytes > 0, `${bytes} bytes of ${name} for ${caller}`).toBe(outcome === "open");
      }

      const count = `${procedures.length} of ${procedures.length} procedures (100 %)`;
      const names = new Set(documents.map(({ name }) => name)).size;
      process.stdout.write(
        `Isolation on ${dialect}: ${count}, ${sweep.swaps()} swapped ids, ${names} documents\n`,
      );
    },
  );
});

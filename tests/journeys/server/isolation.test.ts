import { describe, expect, test } from "vitest";
import { createAccessScene, createStage, type AccessScene } from "../../support/sweeps/access-scene.ts";
import { createBystander, type Bystander } from "../../support/students/bystander.ts";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createDocumentCases, openDocument } from "../../support/sweeps/document-sweep.ts";
import { idFieldsOf } from "../../support/sweeps/input-fields.ts";
import { swapsOf, trySwap, type Procedure, type SwapState } from "../../support/sweeps/id-swaps.ts";

/** Creates a sweep, which puts the ids of bystanders into calls of the owner and records the results. */
const createSweep = async (bystanders: readonly Bystander[]) => {
  const exportByBystander = new Map<Bystander, string>();
  for (const bystander of bystanders) exportByBystander.set(bystander, await bystander.export());
  const faults: string[] = [];
  const outcomesByField = new Map<string, Set<string>>();
  let swaps = 0;
  return {
    faults,
    /** The outcomes of each field. */
    outcomesByField,
    swaps: () => swaps,
    /** Tries all swaps of a procedure that have one of the states. */
    run: async (procedure: Procedure, scene: AccessScene, states: readonly SwapState[]): Promise<void> => {
      const due = bystanders
        .flatMap((bystander) => swapsOf(procedure, scene, bystander))
        // A block does not change who owns a command, so blocking bystanders are skipped.
        .filter(({ state, of }) => states.includes(state) && !(state === "command" && of.isBlocking));
      const swapped = await Promise.all(due.map((swap) => trySwap(swap, scene)));
      for (const result of swapped) {
        if (result.fault) faults.push(result.fault);
        const field = `${result.procedure.path} ${result.field}`;
        outcomesByField.set(field, (outcomesByField.get(field) ?? new Set()).add(result.outcome));
      }
      swaps += due.length;
      if (due.length === 0 || procedure.type === "query") return;
      for (const [bystander, before] of exportByBystander) {
        // An open field may name any student, who is then notified, unless that student has blocked the caller.
        if (states.includes("open") && !bystander.isBlocking) continue;
        const after = await bystander.export();
        if (after !== before) faults.push(`${procedure.path} changed the account of ${bystander.name}`);
        exportByBystander.set(bystander, after);
      }
    },
  };
};

describe.each(DIALECTS)("data of another student, on %s", (dialect) => {
  test(
    "[SY14] stays closed and unchanged, whichever field contains its id and whichever socket names its document",
    {
      timeout: 180_000,
    },
    async () => {
      const stage = await createStage(dialect);
      const { procedures } = stage.server;
      const scene = await createAccessScene(stage);
      const sweep = await createSweep([
        await createBystander(stage, { name: "a bystander" }),
        await createBystander(stage, {
          name: "a bystander who has blocked the owner",
          blocks: scene.owner.user.id,
        }),
      ]);

      for (const procedure of procedures) await sweep.run(procedure, scene, ["refused", "passed over"]);
      for (const procedure of procedures) {
        const takesCommand = idFieldsOf(procedure.inputs).some(([name]) => name === "commandId");
        // Each gets its own scene: an id that one command has used is refused for the next.
        if (takesCommand) await sweep.run(procedure, await createAccessScene(stage), ["command"]);
      }
      for (const procedure of procedures) await sweep.run(procedure, scene, ["open"]);

      expect(sweep.faults).toEqual([]);
      // Each field with an id was swapped at least once in an input that was otherwise valid.
      const unreachedFields = procedures
        .flatMap(({ path, inputs }) => idFieldsOf(inputs).map((field) => `${path} ${field.join(".")}`))
        .filter((field) =>
          [...(sweep.outcomesByField.get(field) ?? [])].every((outcome) => outcome === "input/invalid"),
        );
      expect(unreachedFields, "fields with an id that no swap has reached").toEqual([]);

      const documents = await createDocumentCases(stage);
      for (const documentCase of documents) {
        const { name, caller, expected } = documentCase;
        const { outcome, bytes } = await openDocument(stage, documentCase);
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

import { expect, describe, test } from "vitest";
import { accessCases, CALLERS, rowToPath, type AccessCaller } from "../support/access-cases.ts";
import { createAccessScene, createStage, SCENE_TEXTS, type AccessScene } from "../support/access-scene.ts";
import { createBystander } from "../support/bystander.ts";
import { DIALECTS } from "../support/databases.ts";
import { namesIn } from "../support/input-fields.ts";
import { callProcedure } from "../support/procedure-call.ts";

const keyOf = (scene: AccessScene, caller: AccessCaller): string | undefined => {
  if (caller === "nobody") return undefined;
  return caller === "admin" ? scene.world.adminToken : scene[caller].token;
};

/** What a caller is never told of the owner and the contact, whatever the procedure. */
const secretsFrom = ({ owner }: AccessScene, caller: AccessCaller): readonly string[] => {
  const { draft, message, later, social, bio } = SCENE_TEXTS;
  const always = [owner.user.phone, owner.session.id, draft];
  switch (caller) {
    case "owner":
    case "admin":
      return [];
    case "nobody":
      return [...always, owner.user.id, message, later, social, bio];
    case "other":
      return [...always, owner.user.id, message, later];
    case "former":
      return [...always, later];
    case "blocked":
      return [...always, social, bio];
    case "blocker":
      return [...always, social];
  }
};

const NAMES_OF_STUDENTS = ["userId", "ownerId", "authorId", "studentId"];

/** Somebody's id under every name for a student that an input does not know. */
const claims = (inputs: readonly unknown[], userId: string): object => {
  const known = namesIn(inputs);
  return Object.fromEntries(
    NAMES_OF_STUDENTS.filter((name) => !known.has(name)).map((name) => [name, userId]),
  );
};

describe.each(DIALECTS)("who may call what, on %s", (dialect) => {
  test("every procedure has a row, and every row a procedure", async () => {
    const { procedures } = (await createStage(dialect)).server;

    const paths = procedures.map(({ path }) => path);
    const rows = Object.keys(accessCases).map(rowToPath);

    expect(
      paths.filter((path) => !rows.includes(path)),
      "procedures without a row in tests/support/access-cases.ts",
    ).toEqual([]);
    expect(
      rows.filter((path) => !paths.includes(path)),
      "rows of no procedure",
    ).toEqual([]);
  });

  test(
    "every procedure answers each caller as it should, whomever another field names",
    { timeout: 180_000 },
    async () => {
      const stage = await createStage(dialect);
      const bystander = await createBystander(stage, { name: "a bystander" });
      const untouched = await bystander.export();
      const { procedures } = stage.server;
      const done = new Set<string>();
      // Those that change nothing share a scene.
      let scene: AccessScene | undefined;

      for (const procedure of procedures.toSorted((one, other) => other.type.localeCompare(one.type))) {
        for (const [row, { input, expected, onPostgres }] of Object.entries(accessCases)) {
          if (rowToPath(row) !== procedure.path) continue;
          scene ??= await createAccessScene(stage);
          const outcomes: Partial<Record<AccessCaller, string>> = {};
          // The owner last: some of her calls end what the others ask for.
          for (const caller of CALLERS) {
            const target = { url: stage.url, token: keyOf(scene, caller) };
            const asked = { ...input?.(scene), ...claims(procedure.inputs, bystander.userId) };
            const { outcome, body } = await callProcedure(target, procedure, asked);
            outcomes[caller] = outcome;
            const told = [...secretsFrom(scene, caller), ...(caller === "admin" ? [] : bystander.secrets)];
            expect(
              told.filter((secret) => body.includes(secret)),
              `${row} told ${caller}: ${body}`,
            ).toEqual([]);
          }
          expect({ row, ...outcomes }).toEqual({
            row,
            ...expected,
            ...(dialect === "postgres" ? onPostgres : {}),
          });
          done.add(procedure.path);
          if (procedure.type === "query") continue;
          expect(await bystander.export(), `${row} changed what is the bystander's`).toBe(untouched);
          scene = undefined;
        }
      }

      process.stdout.write(
        `Access on ${dialect}: ${done.size} of ${procedures.length} procedures (100 %), ${CALLERS.length} callers\n`,
      );
      expect(done.size).toBe(procedures.length);
    },
  );

  test("a student's key is not an admin's token, whatever it is called", async () => {
    const stage = await createStage(dialect);
    const { token } = await stage.device().signIn();

    for (const authorization of [
      `Bearer ${token}`,
      "Bearer",
      "Bearer ",
      `Basic ${stage.adminToken}`,
      stage.adminToken,
    ]) {
      const response = await fetch(`${stage.url}/trpc/admin.status`, { headers: { authorization } });
      expect(response.status).toBe(403);
    }
  });
});

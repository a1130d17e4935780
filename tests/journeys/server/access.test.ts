import { expect, describe, test } from "vitest";
import { accessCases, CALLERS, rowToPath, type AccessCaller } from "../../support/sweeps/access-cases.ts";
import {
  createAccessScene,
  createStage,
  SCENE_TEXTS,
  type AccessScene,
} from "../../support/sweeps/access-scene.ts";
import { createBystander } from "../../support/students/bystander.ts";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { namesIn } from "../../support/sweeps/input-fields.ts";
import { callProcedure } from "../../support/network/procedure-call.ts";

const keyOf = (scene: AccessScene, caller: AccessCaller): string | undefined => {
  if (caller === "nobody") return undefined;
  return caller === "admin" ? scene.world.adminToken : scene[caller].token;
};

/** Texts and ids of the owner and the contact that no procedure may tell this caller. */
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

const STUDENT_ID_FIELDS = ["userId", "ownerId", "authorId", "studentId"];

/** Puts the user's id into every field that could name a student and that the inputs do not declare. */
const foreignClaims = (inputs: readonly unknown[], userId: string): object => {
  const declaredNames = namesIn(inputs);
  return Object.fromEntries(
    STUDENT_ID_FIELDS.filter((name) => !declaredNames.has(name)).map((name) => [name, userId]),
  );
};

/** Returns the procedures that answer at least one caller of a row. */
const expectedToSucceed = (dialect: TestDialect): string[] =>
  Object.entries(accessCases)
    .filter(([, { expected, onPostgres }]) =>
      Object.values({ ...expected, ...(dialect === "postgres" ? onPostgres : {}) }).includes("ok"),
    )
    .map(([row]) => rowToPath(row));

describe.each(DIALECTS)("the access control of the server, on %s", (dialect) => {
  test("has a row of cases for every procedure and no row without one", async () => {
    const { procedures } = (await createStage(dialect)).server;

    const paths = procedures.map(({ path }) => path);
    const rows = Object.keys(accessCases).map(rowToPath);

    expect(
      paths.filter((path) => !rows.includes(path)),
      "procedures without a row in tests/support/sweeps/access-cases.ts",
    ).toEqual([]);
    expect(
      rows.filter((path) => !paths.includes(path)),
      "rows without a procedure",
    ).toEqual([]);
  });

  test(
    "answers each caller as the row expects, even when another field names a foreign student",
    { timeout: 180_000 },
    async () => {
      const stage = await createStage(dialect);
      const bystander = await createBystander(stage, { name: "a bystander" });
      const exportBefore = await bystander.export();
      const { procedures } = stage.server;
      const checkedPaths = new Set<string>();
      // Cases that change nothing share a scene.
      let scene: AccessScene | undefined;

      for (const procedure of procedures.toSorted((one, other) => other.type.localeCompare(one.type))) {
        for (const [row, { input, expected, onPostgres }] of Object.entries(accessCases)) {
          if (rowToPath(row) !== procedure.path) continue;
          scene ??= await createAccessScene(stage);
          const outcomes: Partial<Record<AccessCaller, string>> = {};
          // The owner comes last: some of the owner's calls end what the other callers ask for.
          for (const caller of CALLERS) {
            const target = { url: stage.url, token: keyOf(scene, caller) };
            const inputWithClaims = {
              ...input?.(scene),
              ...foreignClaims(procedure.inputs, bystander.userId),
            };
            const { outcome, body } = await callProcedure(target, procedure, inputWithClaims);
            outcomes[caller] = outcome;
            const forbidden = [
              ...secretsFrom(scene, caller),
              ...(caller === "admin" ? [] : bystander.secrets),
            ];
            expect(
              forbidden.filter((secret) => body.includes(secret)),
              `${row} revealed to ${caller}: ${body}`,
            ).toEqual([]);
          }
          expect({ row, ...outcomes }).toEqual({
            row,
            ...expected,
            ...(dialect === "postgres" ? onPostgres : {}),
          });
          checkedPaths.add(procedure.path);
          if (procedure.type === "query") continue;
          expect(await bystander.export(), `${row} changed the bystander's account`).toBe(exportBefore);
          scene = undefined;
        }
      }

      process.stdout.write(
        `Access on ${dialect}: ${checkedPaths.size} of ${procedures.length} procedures (100 %), ${CALLERS.length} callers\n`,
      );
      expect(checkedPaths.size).toBe(procedures.length);
      // Each of these answers was compared with its schema.
      expect(expectedToSucceed(dialect).filter((path) => !stage.answered.has(path))).toEqual([]);
    },
  );

  test("rejects a student's session key in place of the admin token, under any scheme", async () => {
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

import { expect, test } from "vitest";
import { z } from "zod";
import { answerOf } from "./answer.ts";

interface Note {
  readonly id: string;
  readonly at: number | null;
  readonly title?: string;
  readonly lines: readonly { readonly kind: "text" | "link" }[];
}

const fields = {
  id: z.string(),
  at: z.number().nullable(),
  title: z.string().exactOptional(),
  lines: z.array(z.strictObject({ kind: z.enum(["text", "link"]) })),
};
const { id: _id, ...withoutId } = fields;

// The compiler is the test: each `@ts-expect-error` is itself an error when the line below it compiles.
test("a schema compiles only if it gives exactly its interface", () => {
  const note = answerOf<Note>();

  const exact = note(z.strictObject(fields));
  // @ts-expect-error a field too many
  note(z.strictObject({ ...fields, extra: z.string() }));
  // @ts-expect-error an optional field too many
  note(z.strictObject({ ...fields, extra: z.string().exactOptional() }));
  // @ts-expect-error a field too few
  note(z.strictObject(withoutId));
  // @ts-expect-error optional instead of required
  note(z.strictObject({ ...fields, id: z.string().exactOptional() }));
  // @ts-expect-error required instead of optional
  note(z.strictObject({ ...fields, title: z.string() }));
  // @ts-expect-error a wider type
  note(z.strictObject({ ...fields, id: z.string().nullable() }));
  // @ts-expect-error a narrower type
  note(z.strictObject({ ...fields, at: z.number() }));
  // @ts-expect-error a wider type inside a list
  note(z.strictObject({ ...fields, lines: z.array(z.strictObject({ kind: z.string() })) }));
  // @ts-expect-error any type
  note(z.strictObject({ ...fields, id: z.any() }));

  expect(exact.parse({ id: "1", at: null, lines: [{ kind: "text" }] })).toBeDefined();
});

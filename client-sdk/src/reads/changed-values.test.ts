import { expect, test } from "vitest";
import { withFields } from "./changed-values.ts";

test("replaces the given fields and keeps a field that is missing or undefined", () => {
  const profile: { readonly name: string | null; readonly bio: string | null; readonly age: number } = {
    name: "Ada",
    bio: "Lines",
    age: 20,
  };

  const changed = withFields(profile, { name: undefined, bio: null });

  expect(changed).toStrictEqual({ name: "Ada", bio: null, age: 20 });
});

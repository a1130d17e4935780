import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("server/openapi.json is a valid OpenAPI 3.1 document, and each reference in it leads to a shape", async () => {
  const text = read("server/openapi.json");
  const openApi: Record<string, unknown> = JSON.parse(text);
  const validator = new Validator();

  const { valid, errors } = await validator.validate(openApi);
  const wrong = [...text.matchAll(/"\$ref": "#([^"]+)"/g)]
    .map(([, pointer = ""]) => pointer)
    .filter((pointer) => resolve(openApi, pointer) === undefined);

  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  expect(validator.version).toBe("3.1");
  expect(wrong).toEqual([]);
});

/** Returns the value to which a JSON pointer leads; `undefined` if there is none. */
const resolve = (document: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((value, name) => {
      const entries: [string, unknown][] =
        typeof value === "object" && value !== null ? Object.entries(value) : [];
      return entries.find(([key]) => key === name.replaceAll("~1", "/").replaceAll("~0", "~"))?.[1];
    }, document);

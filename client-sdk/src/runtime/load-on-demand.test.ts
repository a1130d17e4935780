import { expect, test } from "vitest";
import { loadOnDemand } from "./load-on-demand.ts";

test("a part of the SDK that cannot be loaded is offline, and the next try loads it", async () => {
  const causes = [new TypeError("Failed to fetch dynamically imported module"), undefined];
  const load = async () => {
    const cause = causes.shift();
    if (cause) throw cause;
    return { createSignIn: "the code" };
  };

  const failure = loadOnDemand(load);

  await expect(failure).rejects.toMatchObject({ reason: "offline", cause: expect.any(TypeError) });
  expect(await loadOnDemand(load)).toEqual({ createSignIn: "the code" });
});

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server } from "@edvoyage/server/app";
import { expect, onTestFinished, test } from "vitest";
import { checkAnswers } from "../support/servers/answer-check.ts";

const LIKE: Server["procedures"][number] = {
  path: "social.like",
  type: "mutation",
  access: "session",
  inputs: [],
  isMetered: true,
  reasons: ["not-found"],
};
const UUID = "01890a5d-ac96-774b-bcce-b302099a8057";
const receipt = { postId: UUID, liked: true, likeCount: 1 };
const refusal = (reason: string) => ({ error: { data: { reason } } });

/** Sends these envelopes as the answer to a batch of likes. Returns the check of the server that did. */
const answerWith = async (...envelopes: readonly object[]) => {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(envelopes));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const check = checkAnswers({ url, procedures: [LIKE] });
  const paths = envelopes.map(() => LIKE.path).join(",");
  await (await fetch(`${url}/trpc/${paths}?batch=1`)).text();
  return check;
};

test("accepts answers with the declared shape and refusals for declared and common reasons", async () => {
  const check = await answerWith(
    { result: { data: receipt } },
    refusal("not-found"),
    refusal("session/expired"),
  );

  check.finish();
  expect([...check.answered]).toEqual(["social.like"]);
});

test("finds a field too many, a field too few, and a wrong value in any answer of a batch", async () => {
  const { liked: _liked, ...withoutLiked } = receipt;
  for (const data of [{ ...receipt, phone: "+447400123456" }, withoutLiked, { ...receipt, likeCount: -1 }]) {
    const check = await answerWith({ result: { data: receipt } }, { result: { data } });

    expect(check.finish).toThrow(/social\.like: ✖/);
  }
});

test("finds a refusal for a reason that the procedure does not declare", async () => {
  const check = await answerWith(refusal("conflict"));

  expect(check.finish).toThrow("social.like refused a call for conflict, which it does not declare");
});

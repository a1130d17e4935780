import { readFileSync } from "node:fs";
import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createGeneratedClient } from "../../support/apps/generated-client.ts";
import { createWorld, somePhone } from "../../support/servers/world.ts";

/** Generating and compiling a client takes long on a busy machine. */
const GENERATION_TIMEOUT_MS = 300_000;
const DEVICE_ID = "a-generated-device-01234";

test("serves the OpenAPI document to everybody, and answers 304 to a client that has it", async () => {
  const { url } = await createWorld();
  const ask = (init: RequestInit = {}): Promise<Response> => fetch(`${url}/openapi.json`, init);

  const answer = await ask({ headers: { origin: "http://localhost:5173" } });
  const etag = answer.headers.get("etag") ?? expect.fail("no etag");
  const head = await ask({ method: "HEAD" });
  const known = await ask({ headers: { "if-none-match": `"other", W/${etag}` } });
  const other = await ask({ headers: { "if-none-match": '"other"' } });
  const posted = await ask({ method: "POST" });

  expect(await answer.text()).toBe(
    readFileSync(new URL("../../../server/openapi.json", import.meta.url), "utf8"),
  );
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "application/json",
    "cache-control": "no-cache",
    "access-control-allow-origin": "http://localhost:5173",
    "x-content-type-options": "nosniff",
    [SERVER_HEADER]: SERVER_HEADER_VALUE,
  });
  expect([answer, head, known, other, posted].map(({ status }) => status)).toEqual([200, 200, 304, 200, 404]);
  expect([await head.text(), await known.text()]).toEqual(["", ""]);
  expect(head.headers.get("etag")).toBe(etag);
});

test(
  "a client that is generated from the served document signs in, reads, writes, and sees the reason of a refusal",
  { timeout: GENERATION_TIMEOUT_MS },
  async () => {
    const { url, sms } = await createWorld();
    const client = await createGeneratedClient(url);
    const phone = somePhone();

    const challengeId = await client.requestCode({ phone, deviceId: DEVICE_ID });
    const wrong = await client.verifyCode({ challengeId, deviceId: DEVICE_ID, code: "0" });
    const code = sms.findLast(({ to }) => to === phone)?.code ?? expect.fail("no message");
    const right = await client.verifyCode({ challengeId, deviceId: DEVICE_ID, code });
    const page = await client.listSessions({ limit: 1 });
    const unlisted = await client.listSessions({ limit: 0 });
    const ended = await client.logOut();
    const late = await client.listSessions({ limit: 1 });

    expect(wrong).toEqual({ refused: "input/invalid", status: 400 });
    expect(right).toEqual({ phone });
    expect(page).toMatchObject({ items: [{ isCurrent: true }] });
    expect(unlisted).toEqual({ refused: "input/invalid", status: 400 });
    expect(ended).toEqual({ ended: 1 });
    expect(late).toEqual({ refused: "session/revoked", status: 401 });
  },
);

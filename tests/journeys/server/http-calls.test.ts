import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld } from "../../support/servers/world.ts";
import { post, codeRequest, SECURITY_HEADERS } from "../../support/network/plain-request.ts";
import { proceduresWithBugs } from "../../support/servers/logged-bugs.ts";
import { administer } from "../../support/databases/administer.ts";

describe("a call", () => {
  test.each([
    "universities.lst",
    "universities",
    "",
    "__proto__",
    "constructor",
    "toString",
    "universities.list.x",
  ])("gets not-found for the unknown procedure %j", async (path) => {
    const { url } = await createWorld();

    const response = await fetch(`${url}/trpc/${path}`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { data: { reason: "not-found", httpStatus: 404 } },
    });
  });

  test("gets 405 for a mutation by GET and has no effect", async () => {
    const { url, sms } = await createWorld();

    const input = encodeURIComponent(JSON.stringify(codeRequest()));
    const response = await fetch(`${url}/trpc/auth.requestCode?input=${input}`);

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await response.json()).toMatchObject({ error: { data: { httpStatus: 405 } } });
    expect(sms).toEqual([]);
  });

  test("gets 405 for a query by POST", async () => {
    const { url } = await createWorld();

    const response = await post(url, "universities.list", { body: "{}" });

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
    expect(await response.json()).toMatchObject({ error: { data: { httpStatus: 405 } } });
  });

  test.each(["PUT", "PATCH", "DELETE"])("has no effect by %s", async (method) => {
    const { url, sms } = await createWorld();

    const response = await post(url, "auth.requestCode", { method, body: JSON.stringify(codeRequest()) });

    expect(response.status).toBe(405);
    expect(sms).toEqual([]);
  });

  test("may share a batch with nine others; a batch of eleven is refused and has no effect", async () => {
    const { url, sms } = await createWorld();
    const batchOf = (calls: number): Promise<Response> => {
      const inputs = Object.fromEntries(Array.from({ length: calls }, (_, index) => [index, codeRequest()]));
      const path = Array<string>(calls).fill("auth.requestCode").join();
      return post(url, `${path}?batch=1`, { body: JSON.stringify(inputs) });
    };

    const refused = await batchOf(11);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      error: { data: { reason: "limit/reached", details: { limit: "batchCalls" } } },
    });
    expect(sms).toEqual([]);

    const accepted = await batchOf(10);
    expect(accepted.status).toBe(200);
    expect(sms).toHaveLength(10);
  });

  test("counts against the batch limit in a streamed batch too", async () => {
    const { url, sms } = await createWorld();
    const inputs = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [index, codeRequest()]));
    const path = Array<string>(11).fill("auth.requestCode").join();

    const response = await post(url, `${path}?batch=1`, {
      body: JSON.stringify(inputs),
      accept: "application/jsonl",
    });

    expect(await response.text()).toContain("limit/reached");
    expect(sms).toEqual([]);
  });

  test("can fail without affecting the other calls of its batch", async () => {
    const { url } = await createWorld();

    const path = "universities.list,sessions.list,universities.lst,universities.get";
    const response = await fetch(
      `${url}/trpc/${path}?batch=1&input=${encodeURIComponent('{"3":{"id":"x"}}')}`,
    );

    expect(response.status).toBe(207);
    expect(await response.json()).toMatchObject([
      { result: { data: { items: [] } } },
      { error: { data: { reason: "session/required" } } },
      { error: { data: { reason: "not-found" } } },
      { error: { data: { reason: "not-found" } } },
    ]);
  });

  test.each([
    ["a null character", "\u0000"],
    ["half a surrogate pair", "\ud800"],
  ])("causes no bug with %s as an id", async (_what, id) => {
    for (const dialect of DIALECTS) {
      const { url, admin, rpc, device, logged } = await createWorld({ dialect });
      const phone = device();
      const signedIn = await phone.signIn();
      const anonymous = rpc();

      await Promise.allSettled([
        anonymous.universities.get.query({ id }),
        anonymous.courses.get.query({ id }),
        anonymous.courses.list.query({ universityId: id }),
        anonymous.courses.list.query({ query: id }),
        anonymous.universities.list.query({
          cursor: Buffer.from(JSON.stringify([id, id])).toString("base64url"),
        }),
        anonymous.auth.verifyCode.mutate({ challengeId: id, code: "123456", deviceId: phone.deviceId }),
        signedIn.rpc.sessions.revoke.mutate({ sessionId: id }),
        admin.admin.sessions.revoke.mutate({ sessionId: id }),
        admin.admin.sessions.list.query({ userId: id }),
        admin.admin.numbers.unblock.mutate({ phone: phone.phone, device: id }),
      ]);

      expect(proceduresWithBugs(logged()), `on ${dialect}`).toEqual([]);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    }
  });
});

describe("a bug", () => {
  test.each(DIALECTS)(
    "sends the caller a bare 500 and writes the details to a log line, on %s",
    async (dialect) => {
      const { url, databaseUrl, logged } = await createWorld({ dialect });
      await administer(databaseUrl, "alter table courses rename column search_words to moved_away");

      const response = await fetch(`${url}/trpc/courses.list?input=${encodeURIComponent('{"query":"law"}')}`);

      expect(response.status).toBe(500);
      expect(Object.fromEntries(response.headers)).toMatchObject(SECURITY_HEADERS);
      expect(await response.json()).toEqual({
        error: {
          message: expect.stringMatching(/^[\w ]+\.$/),
          code: -32_603,
          data: { code: "INTERNAL_SERVER_ERROR", httpStatus: 500, path: "courses.list", details: {} },
        },
      });
      expect(proceduresWithBugs(logged())).toEqual(["courses.list"]);
      expect(logged()).toContain("search_words");
    },
  );
});

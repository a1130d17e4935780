import { once } from "node:events";
import { connect } from "node:net";
import { SmsRefusedError } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld } from "../../support/servers/world.ts";
import { type PostOptions, post, codeRequest } from "../../support/network/plain-request.ts";
import { proceduresWithBugs } from "../../support/servers/logged-bugs.ts";

describe.each(DIALECTS)("a closing server, on %s", (dialect) => {
  test("answers the request in progress, accepts no other, and closes afterwards", async () => {
    const provider = createHeldProvider();
    const world = await createWorld({ dialect, smsProvider: provider });
    const answer = post(world.url, "auth.requestCode", requestAndClose());
    await provider.isAsked;

    let isClosed = false;
    const next = world.restart().finally(() => (isClosed = true));
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    expect(isClosed).toBe(false);
    provider.release();

    expect(await (await answer).json()).toMatchObject({ result: { data: { codeLength: 6 } } });
    expect((await fetch(`${(await next).url}/readyz`)).status).toBe(200);
  });

  test("still stores the outcome of the request in progress", async () => {
    const provider = createHeldProvider(new SmsRefusedError("no"));
    const world = await createWorld({ dialect, smsProvider: provider });
    const answer = post(world.url, "auth.requestCode", requestAndClose());
    await provider.isAsked;

    const next = world.restart();
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    provider.release();

    expect(await (await answer).json()).toMatchObject({ error: { data: { reason: "sms/failed" } } });
    await next;
    expect(proceduresWithBugs(world.logged())).toEqual([]);
  });

  /** A request whose client closes the connection after the answer. */
  const requestAndClose = (): PostOptions => ({ body: JSON.stringify(codeRequest()), connection: "close" });
});

describe("a closing server", () => {
  test("waits for no client that keeps its connection open after the answer", async () => {
    const provider = createHeldProvider();
    const world = await createWorld({ smsProvider: provider });
    const answer = world.device().requestCode();
    await provider.isAsked;

    const next = world.restart();
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    provider.release();

    expect(await answer).toMatchObject({ codeLength: 6 });
    await next;
  }, 20_000);

  test("waits for no connection without a request", async () => {
    const world = await createWorld();
    const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
    await once(socket, "connect");
    // This answer came after the connection was accepted, so the server has both.
    expect((await fetch(`${world.url}/healthz`)).status).toBe(200);

    await Promise.all([world.stop(), once(socket, "close")]);
  }, 20_000);
});

/** A provider that reports when it is called, and answers when it is released. */
const createHeldProvider = (failure?: Error) => {
  const [called, released] = [createGate(), createGate()];
  return {
    name: "webhook" as const,
    isAsked: called.passed,
    release: released.open,
    send: async (): Promise<void> => {
      called.open();
      await released.passed;
      if (failure) throw failure;
    },
  };
};

const createGate = () => {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
};

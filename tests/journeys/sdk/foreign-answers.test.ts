import { createRpcClient, isUnreachable, refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { createApp } from "../../support/apps/app.ts";
import { createProxiedScene, untilWithTimers, type ProxiedScene } from "../../support/apps/proxied-scene.ts";
import { DIALECTS } from "../../support/databases/databases.ts";
import { FOREIGN, JSON_TYPE, MARKED, refusal } from "../../support/network/foreign-answers.ts";
import { createProxy, type ForeignAnswer } from "../../support/network/proxy.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, somePhone, type World } from "../../support/servers/world.ts";

const PROCEDURES = ["chat.send", "social.post", "contacts.add", "profile.update"] as const;

const writeEverything = async ({
  app: { client },
  friend,
  roomId,
  universityId,
}: ProxiedScene): Promise<void> => {
  await client.chat.room(roomId).send("In the tunnel");
  await client.social.post({ text: "Through the proxy" });
  await client.contacts.add(friend.id, { nickname: "Bo" });
  await client.profile.update({ name: "Ada" });
  await client.favourites.toggle("university", universityId);
};

/** Expects the results of `writeEverything` on the server, each once. */
const expectEverythingOnce = async ({ world, friend, phone, roomId, universityId }: ProxiedScene) => {
  expect(await friend.texts(roomId)).toEqual(["In the tunnel"]);
  const { rpc } = await world.device({ phone }).signIn();
  const [feed, contacts, profile, favourites] = await Promise.all([
    rpc.social.feed.query({}),
    rpc.contacts.list.query({}),
    rpc.profile.get.query(),
    rpc.favourites.list.query(),
  ]);
  expect(feed.items).toMatchObject([{ text: "Through the proxy" }]);
  expect(contacts.items).toMatchObject([{ userId: friend.id, nickname: "Bo" }]);
  expect(profile).toMatchObject({ name: "Ada" });
  expect(favourites.items).toMatchObject([{ kind: "university", id: universityId }]);
};

/** Wakes the app until the proxy has answered each command again. */
const retryAll = async ({ app, proxy }: ProxiedScene): Promise<void> => {
  const before = proxy.intercepted.length;
  app.setOnline(true);
  await untilWithTimers(app, () => PROCEDURES.every((name) => proxy.intercepted.includes(name, before)));
};

/** Lets all calls through, and waits until nothing is pending on the device. */
const sendAll = async ({ app, proxy }: ProxiedScene): Promise<void> => {
  proxy.pass();
  app.setOnline(true);
  await untilWithTimers(app, () => app.client.sync.status.pending === 0);
  expect(app.client.sync.status).toMatchObject({ auth: "signedIn", failed: 0 });
};

const expectAllToWait = ({ app: { client } }: ProxiedScene): void => {
  const entries = client.outbox.list();
  expect(entries.map(({ procedure }) => procedure).sort()).toEqual([...PROCEDURES].sort());
  expect(entries.map(({ state }) => state)).toEqual(PROCEDURES.map(() => "pending"));
  expect(client.auth.state).toBe("signedIn");
};

/** Writes while the proxy answers instead of the server. */
const writeBehind = async (scene: ProxiedScene, answer: ForeignAnswer): Promise<void> => {
  scene.proxy.answerWith(answer);
  await writeEverything(scene);
  // A command is sent again only after its previous answer was rejected.
  for (let tries = 0; tries < 3; tries += 1) await retryAll(scene);
};

describe("an answer that does not come from the server", () => {
  test.each(FOREIGN)("loses nothing and signs nobody out: %s", async (_what, answer) => {
    const scene = await createProxiedScene();

    await writeBehind(scene, answer);

    expectAllToWait(scene);
    await sendAll(scene);
    await expectEverythingOnce(scene);
  });

  test.each(DIALECTS)(
    "loses nothing and signs nobody out in any sequence, on %s",
    async (dialect) => {
      const scene = await createProxiedScene({ dialect });
      await writeBehind(scene, { status: 503 });

      for (const [, answer] of FOREIGN) {
        scene.proxy.answerWith(answer);
        await retryAll(scene);
      }

      expectAllToWait(scene);
      await sendAll(scene);
      await expectEverythingOnce(scene);
    },
    120_000,
  );

  test.each([301, 302, 303, 307, 308])(
    "loses nothing and signs nobody out: a redirect with %i to the server itself",
    async (status) => {
      const scene = await createProxiedScene();

      // With the first three, fetch would turn a POST into a GET, which the server would refuse for good.
      await writeBehind(scene, redirectTo(scene.world, status));

      expectAllToWait(scene);
      await sendAll(scene);
      await expectEverythingOnce(scene);
    },
  );

  test.each([
    ["reports it", (response: Response) => response],
    [
      "hides it, as React Native's does",
      ({ body, headers, status }: Response) => new Response(body, { headers, status }),
    ],
  ])(
    "loses nothing and signs nobody out: a redirect that a platform follows anyway, where the response %s",
    async (_what, toAnswer) => {
      const scene = await createProxiedScene({}, async (input, init) =>
        toAnswer(await fetch(input, { ...init, redirect: "follow" })),
      );

      await writeBehind(scene, redirectTo(scene.world, 302));

      expectAllToWait(scene);
      await sendAll(scene);
      await expectEverythingOnce(scene);
    },
  );
});

/** A server of somebody else that records what it receives, and answers as an EdVoyage server would. */
const createOtherServer = async () => {
  const proxy = await createProxy("http://127.0.0.1:9");
  proxy.answerWith({ status: 200, headers: MARKED, body: '{"result":{"data":{}}}' });
  return proxy;
};

describe("another origin", () => {
  test.each([301, 302, 303, 307, 308])(
    "gets neither a key nor what was written after a redirect with %i",
    async (status) => {
      const scene = await createProxiedScene();
      const other = await createOtherServer();

      await writeBehind(scene, redirectTo(other, status));

      expectAllToWait(scene);
      expect(other.intercepted).toEqual([]);
      await sendAll(scene);
      await expectEverythingOnce(scene);
    },
  );

  test.each([301, 302, 303, 307, 308])(
    "gets no call of a script after a redirect with %i",
    async (status) => {
      const world = await createWorld();
      const { token } = await world.device().signIn();
      const [proxy, other] = [await createProxy(world.url), await createOtherServer()];
      const rpc = createRpcClient({ url: proxy.url, token: () => token });
      proxy.answerWith(redirectTo(other, status));

      const calls = [rpc.profile.update.mutate({ name: "Ada" }), rpc.profile.get.query()];
      const errors = (await Promise.allSettled(calls)).map((call) =>
        call.status === "rejected" ? isUnreachable(call.reason) : "answered",
      );

      expect(errors).toEqual([true, true]);
      expect(other.intercepted).toEqual([]);
    },
  );

  test("cannot answer for the server when the platform follows a redirect and hides it", async () => {
    const other = await createOtherServer();
    const scene = await createProxiedScene({}, async (input, init) => {
      const { body, headers, status, url } = await fetch(input, { ...init, redirect: "follow" });
      return Object.defineProperty(new Response(body, { headers, status }), "url", { value: url });
    });

    await writeBehind(scene, redirectTo(other, 307));

    expectAllToWait(scene);
    expect(other.intercepted).not.toEqual([]);
    await sendAll(scene);
    await expectEverythingOnce(scene);
  });
});

const redirectTo = ({ url }: Pick<World, "url">, status: number): ForeignAnswer => ({
  status,
  headers: { location: `${url}/trpc/chat.send` },
});

describe("an app behind a proxy that answers instead of the server", () => {
  test("spends no code, and shows nothing that the server did not send", async () => {
    const world = await createWorld();
    const proxy = await createProxy(world.url);
    const { client } = await createApp({ url: proxy.url, sms: world.sms });
    await client.auth.requestCode(somePhone());
    const code = world.sms.at(-1)?.code ?? "";

    for (const [what, answer] of FOREIGN) {
      proxy.answerWith(answer);
      await expect(client.auth.verifyCode(code), what).rejects.toMatchObject({ reason: "offline" });
      await expect(client.universities.list({}), what).rejects.toMatchObject({ reason: "offline" });
    }

    expect(client.auth.status).toMatchObject({ state: "codeSent", attemptsRemaining: 3 });
    proxy.pass();
    await client.auth.verifyCode(code);
    expect(client.auth.state).toBe("signedIn");
  });

  test("ends a session on the server, after a sign-out, as soon as the server is reached", async () => {
    const { app, proxy, world, phone } = await createProxiedScene();
    const [session] = (await world.admin.admin.sessions.list.query({ phone })).items;
    proxy.answerWith({ status: 200, headers: JSON_TYPE, body: '{"result":"ok"}' });

    await app.client.auth.signOut({ pending: "discard" });
    await untilWithTimers(app, () => proxy.intercepted.includes("sessions.logout"));
    proxy.pass();

    const isLive = async (): Promise<boolean> =>
      (await world.admin.admin.sessions.list.query({ phone })).items.some(({ id }) => id === session?.id);
    await untilWithTimers(app, async () => !(await isLive()));
  });

  test("reports a script's call as one that did not reach the server", async () => {
    const proxy = await createProxy((await createWorld()).url);
    const rpc = createRpcClient({ url: proxy.url });
    const body = '[{"result":{"data":{"items":[]}}}]';
    proxy.answerWith({ status: 200, headers: JSON_TYPE, body });

    const error: unknown = await rpc.universities.list.query({}).catch((thrown: unknown) => thrown);

    expect([isUnreachable(error), proxy.intercepted]).toEqual([true, ["universities.list"]]);
    proxy.answerWith({ status: 200, headers: MARKED, body });
    expect(await rpc.universities.list.query({})).toEqual({ items: [] });
  });

  test.each(FOREIGN)(
    "reports a script's call as one that did not reach the server: %s",
    async (_what, answer) => {
      const proxy = await createProxy((await createWorld()).url);
      const rpc = createRpcClient({ url: proxy.url });
      proxy.answerWith(answer);

      const error: unknown = await rpc.universities.list.query({}).catch((thrown: unknown) => thrown);

      expect(isUnreachable(error)).toBe(true);
    },
  );

  test("reports each refusal of a script's batch that the server has answered", async () => {
    const proxy = await createProxy((await createWorld()).url);
    const rpc = createRpcClient({ url: proxy.url });

    const calls = [
      rpc.universities.list.query({}),
      rpc.profile.get.query(),
      rpc.universities.get.query({ id: "x" }),
    ];
    const reasons = (await Promise.allSettled(calls)).map((call) =>
      call.status === "rejected" ? refusalOf(call.reason)?.reason : call.status,
    );

    expect(reasons).toEqual(["fulfilled", "session/required", "not-found"]);
  });
});

describe("a server answer that this SDK does not know", () => {
  /** Sends a message that is answered in this way, at least `tries` times. */
  const sendAnsweredWith = async (answer: ForeignAnswer, tries: number) => {
    const { app, proxy, roomId } = await createProxiedScene();
    proxy.answerWith(answer);
    await app.client.chat.room(roomId).send("Hello");
    // Two attempts are a minute apart at most.
    await untilWithin(
      { clock: app.clock, within: { minutes: tries }, step: { seconds: 5 } },
      () => proxy.intercepted.filter((path) => path === "chat.send").length >= tries,
    );
    return app;
  };

  test("fails a command after ten tries, with the message and the reason of the refusal", async () => {
    const { client } = await sendAnsweredWith(
      { status: 403, headers: MARKED, body: refusal("course/closed") },
      10,
    );

    await until(() => client.sync.status.failed === 1);
    expect(client.outbox.list()).toMatchObject([
      { state: "failed", reason: "server/failed", message: "No.", details: { reason: "course/closed" } },
    ]);
    expect(client.auth.state).toBe("signedIn");
  });

  test.each([401, 410])("signs nobody out with %i", async (status) => {
    const { client } = await sendAnsweredWith({ status, headers: MARKED, body: refusal("session/odd") }, 3);

    expect(client.outbox.list()).toMatchObject([{ state: "pending" }]);
    expect(client.auth.state).toBe("signedIn");
  });

  test.each([429, 503, 507])("delays a command with %i, however often it comes", async (status) => {
    const body = refusal("quota/day", { retryAfterSeconds: 2 });
    const { client } = await sendAnsweredWith({ status, headers: MARKED, body }, 12);

    expect(client.outbox.list()).toMatchObject([{ state: "pending" }]);
  });

  test("fails a command after ten tries if it is a bug of the server", async () => {
    const { client } = await sendAnsweredWith({ status: 500, headers: MARKED, body: refusal(undefined) }, 10);

    await until(() => client.sync.status.failed === 1);
    expect(client.outbox.list()).toMatchObject([{ state: "failed", reason: "server/failed" }]);
  });
});

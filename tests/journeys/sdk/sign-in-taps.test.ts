import { isEdVoyageError } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp } from "../../support/apps/app.ts";
import { createProxy } from "../../support/network/proxy.ts";
import { createWorld, somePhone } from "../../support/servers/world.ts";
import { wrongCode } from "../../support/students/wrong-code.ts";

/** A device behind a proxy that has requested a code. */
const createScene = async () => {
  const world = await createWorld();
  const proxy = await createProxy(world.url);
  const app = await createApp({ url: proxy.url, sms: world.sms });
  const phone = somePhone();
  await app.client.auth.requestCode(phone);
  const tries = () => app.requests.filter((url) => url.endsWith("/auth.verifyCode")).length;
  /** Returns how many wrong codes the server has counted. */
  const counted = async (): Promise<number> =>
    (await world.admin.admin.audit.list.query({})).items.filter(
      ({ action }) => action === "sign-in.wrong-code",
    ).length;
  return { world, proxy, app, phone, tries, counted };
};

const resultOf = async (call: Promise<{ readonly state: string }>): Promise<unknown> =>
  call.then(
    ({ state }) => state,
    (error: unknown) =>
      isEdVoyageError(error) ? [error.reason, error.details["attemptsRemaining"]] : expect.fail("a bug"),
  );

const incorrect = (attemptsRemaining: number) => ["otp/incorrect", attemptsRemaining];

test("three taps on a wrong code are one try, and have the same result", async () => {
  const { world, app, tries, counted } = await createScene();
  const { auth } = app.client;
  const code = wrongCode(world);

  const results = await Promise.all(
    [code, `${code.slice(0, 3)} ${code.slice(3)}`, code].map((tap) => resultOf(auth.verifyCode(tap))),
  );

  expect(results).toEqual([incorrect(2), incorrect(2), incorrect(2)]);
  expect(tries()).toBe(1);
  expect(await counted()).toBe(1);
  expect(auth.status).toMatchObject({ state: "codeSent", attemptsRemaining: 2 });
});

test("a wrong code stays known after a restart and another request of the same code", async () => {
  const { world, app, phone, tries } = await createScene();
  await resultOf(app.client.auth.verifyCode(wrongCode(world)));
  await resultOf(app.client.auth.verifyCode(wrongCode(world, 2)));

  const restarted = await app.restart();
  const { auth } = restarted.client;
  await auth.requestCode(phone);
  const results = [1, 2, 1].map((number) => resultOf(auth.verifyCode(wrongCode(world, number))));

  expect(await Promise.all(results)).toEqual([incorrect(1), incorrect(1), incorrect(1)]);
  expect(restarted.requests.filter((url) => url.endsWith("/auth.verifyCode"))).toEqual([]);
  expect(tries()).toBe(2);
});

test("[SI43] lost replies to a wrong code are one try, also over a restart", async () => {
  const { world, proxy, app, counted } = await createScene();
  const code = wrongCode(world);
  proxy.loseAnswers();

  for (let tap = 0; tap < 3; tap += 1)
    expect(await resultOf(app.client.auth.verifyCode(code))).toEqual(["offline", undefined]);
  const restarted = await app.restart();
  expect(await resultOf(restarted.client.auth.verifyCode(code))).toEqual(["offline", undefined]);

  proxy.pass();
  expect(await resultOf(restarted.client.auth.verifyCode(code))).toEqual(incorrect(2));
  expect(await counted()).toBe(1);
});

test("[SI43] another code after a lost reply is another try", async () => {
  const { world, proxy, app, counted } = await createScene();
  proxy.loseAnswers();
  await resultOf(app.client.auth.verifyCode(wrongCode(world)));
  proxy.pass();

  expect(await resultOf(app.client.auth.verifyCode(wrongCode(world, 2)))).toEqual(incorrect(1));
  expect(await counted()).toBe(2);
});

test("three taps on the right code sign in once, and have the same result", async () => {
  const { world, app, phone, tries } = await createScene();
  const { auth } = app.client;
  const code = world.sms.at(-1)?.code ?? "";

  const results = await Promise.all([1, 2, 3].map(() => auth.verifyCode(code)));

  expect(results.map(({ state, student }) => [state, student?.phone])).toEqual(
    results.map(() => ["signedIn", phone]),
  );
  expect(tries()).toBe(1);
  expect((await app.client.sessions.list()).items).toHaveLength(1);
});

test("[SI7] three taps on the right code with lost replies sign in once", async () => {
  const { world, proxy, app } = await createScene();
  const { auth } = app.client;
  const code = world.sms.at(-1)?.code ?? "";
  proxy.loseAnswers();
  const lost = await Promise.all([1, 2].map(() => resultOf(auth.verifyCode(code))));
  proxy.pass();

  expect(lost).toEqual([
    ["offline", undefined],
    ["offline", undefined],
  ]);
  expect(await Promise.all([1, 2].map(() => resultOf(auth.verifyCode(code))))).toEqual([
    "signedIn",
    "signedIn",
  ]);
  expect((await app.client.sessions.list()).items).toHaveLength(1);
});

test("the right code of a former sign-in is no code after a sign-out", async () => {
  const { world, app } = await createScene();
  const { auth } = app.client;
  const code = world.sms.at(-1)?.code ?? "";
  await auth.verifyCode(code);

  expect(await resultOf(auth.verifyCode(wrongCode(world)))).toEqual(["code/none", undefined]);
  await auth.signOut();

  expect(await resultOf(auth.verifyCode(code))).toEqual(["code/none", undefined]);
});

test.each(["", "12345", "123456789", "12a456", "the code"])(
  "[SI5] the text '%s' is no code, and is not sent",
  async (text) => {
    const { app, tries } = await createScene();

    expect(await resultOf(app.client.auth.verifyCode(text))).toEqual(["input/invalid", undefined]);

    expect(tries()).toBe(0);
    expect(app.client.auth.status).toMatchObject({ attemptsRemaining: 3 });
  },
);

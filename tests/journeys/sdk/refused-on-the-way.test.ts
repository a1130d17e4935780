import { expect, test } from "vitest";
import { createProxiedScene, untilWithTimers } from "../../support/apps/proxied-scene.ts";
import { JSON_TYPE } from "../../support/network/foreign-answers.ts";
import type { ForeignAnswer } from "../../support/network/proxy.ts";

test.each([
  ["with 403 in HTML", { status: 403, body: "<h1>Forbidden</h1>" }],
  ["with 403 in JSON", { status: 403, headers: JSON_TYPE, body: '{"message":"Forbidden"}' }],
  ["with 413", { status: 413, body: "<h1>Too large</h1>" }],
  ["with 502", { status: 502, body: "<h1>Bad gateway</h1>" }],
] satisfies [string, ForeignAnswer][])(
  "sets a message aside that a firewall always refuses %s, while the rest gets through at once",
  async (_what, answer) => {
    const scene = await createProxiedScene();
    const { app, proxy, friend, roomId } = scene;
    const { chat, profile, outbox, sync } = app.client;
    proxy.refuseProcedure("chat.send", answer);
    const { id, settled } = await chat.room(roomId).send("Refused");
    const fate = settled.catch(({ reason }: { readonly reason: string }) => reason);
    for (const name of ["Ada", "Bea", "Cleo"]) await (await profile.update({ name })).settled;
    await untilWithTimers(app, () => sync.status.failed === 1);

    expect(await fate).toBe("refused-on-the-way");
    expect(proxy.intercepted).toEqual(Array(5).fill("chat.send"));
    expect(chat.room(roomId).messages).toMatchObject([{ id, state: "failed", reason: "refused-on-the-way" }]);
    proxy.pass();
    await outbox.retry(id);
    await untilWithTimers(app, () => sync.status.pending === 0);
    expect(sync.status.failed).toBe(0);
    expect(await friend.texts(roomId)).toEqual(["Refused"]);
  },
);

test("clears the failure of a message whose answer alone was refused, once it is in its room", async () => {
  const { app, proxy, friend, roomId } = await createProxiedScene();
  const { chat, profile, outbox, sync } = app.client;
  proxy.refuseProcedure("chat.send", { status: 403, body: "<h1>Forbidden</h1>" }, { isAfter: true });
  const { id } = await chat.room(roomId).send("Arrived");
  for (const name of ["Ada", "Bea", "Cleo"]) await (await profile.update({ name })).settled;
  await untilWithTimers(app, () => sync.status.failed === 1);

  const stop = chat.room(roomId).watch(() => {});
  await untilWithTimers(app, () => sync.status.failed === 0);
  stop();

  expect(chat.room(roomId).messages).toMatchObject([{ id, text: "Arrived", state: "acked" }]);
  expect(await outbox.settled(id)).toMatchObject({ messageId: id, position: { segment: 0 } });
  expect(await friend.texts(roomId)).toEqual(["Arrived"]);
});

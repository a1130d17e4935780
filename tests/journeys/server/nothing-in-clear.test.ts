import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { v7 as uuidv7 } from "uuid";
import { expect, test } from "vitest";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";

/** Returns whether a text contains the digits as a number of their own, not inside a longer run. */
const containsNumber = (text: string, digits: string): boolean =>
  new RegExp(`(?<![0-9a-f.])${digits}(?![0-9a-f])`).test(text);

/** Runs a student through a sign-in, wrong codes, a block and the end of the session. */
const fullJourney = async () => {
  const world = await createWorld();
  const student = world.device({ name: "Canary" });
  const codes = new Set<string>();
  const keys = new Set<string>();
  await student.requestCode();
  codes.add(student.code());
  await expectRefusal(student.verify({ code: student.wrongCode() }), "otp/incorrect");
  keys.add((await student.verify({ commandId: uuidv7() })).token);
  const { token, rpc, session } = await student.signIn();
  codes.add(student.code());
  keys.add(token);
  await rpc.sessions.validate.query();
  await student.requestCode();
  codes.add(student.code());
  for (let i = 0; i < 3; i += 1) await student.verify({ code: student.wrongCode() }).catch(() => {});
  await expectRefusal(student.requestCode(), "otp/blocked");
  await world.admin.admin.numbers.unblock.mutate({ phone: student.phone, reason: "asked by phone" });
  await world.admin.admin.sessions.revoke.mutate({ sessionId: session.id });
  await expectRefusal(rpc.sessions.validate.query(), "session/revoked");
  // A careless client puts a number and a key into the address.
  await fetch(`${world.url}/trpc/${encodeURIComponent(student.phone)}?key=${token}`);
  await fetch(`${world.url}/trpc/sessions.revoke`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: `{"sessionId": ${student.phone}`,
  });
  return { world, student, codes: [...codes], keys: [...keys] };
};

test("[SI1] the database and its WAL hold no code and no key after a full journey", async () => {
  const { world, codes, keys } = await fullJourney();

  const folder = join(world.databaseUrl.slice("sqlite:".length), "..");
  const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);

  expect(files.map(([name]) => name)).toContain("edvoyage.sqlite-wal");
  for (const [name, bytes] of files) {
    for (const key of keys) {
      expect(bytes.includes(key), `${name} holds a key`).toBe(false);
      expect(bytes.includes(Buffer.from(key, "base64url")), `${name} holds a key's bytes`).toBe(false);
    }
    for (const code of codes)
      expect(containsNumber(bytes.toString("latin1"), code), `${name} holds a code`).toBe(false);
  }
});

test("[SI8] [SI11] log lines, metrics and errors hold no code, no key and no whole number after a full journey", async () => {
  const { world, student, codes, keys } = await fullJourney();

  const metrics = await (await fetch(`${world.url}/metrics`)).text();
  const outputs = [
    ["logs", world.logged()],
    ["metrics", metrics],
  ] as const;

  expect(world.logged().split("\n").length).toBeGreaterThan(10);
  for (const [where, text] of outputs) {
    for (const key of keys) expect(text.includes(key), `${where} hold a key`).toBe(false);
    for (const code of codes) expect(containsNumber(text, code), `${where} hold a code`).toBe(false);
    expect(text.includes(student.phone.slice(1)), `${where} hold a number`).toBe(false);
    expect(text.includes(student.deviceId), `${where} hold a device id`).toBe(false);
  }
});

test("[SI11] admins see masked numbers unless they ask for whole ones", async () => {
  const { world, student } = await fullJourney();
  const { admin } = world.admin;

  const masked = JSON.stringify([
    await admin.sessions.list.query({ includeEnded: true }),
    await admin.numbers.list.query({}),
    await admin.numbers.show.query({ phone: student.phone }),
    await admin.audit.list.query({}),
  ]);

  expect(masked).not.toContain(student.phone.slice(1));
  expect(masked).toContain(`+91••••••${student.phone.slice(-4)}`);
  const shown = await admin.numbers.show.query({ phone: student.phone, showPhones: true });
  expect(shown.phone).toBe(student.phone);
});

import { readFileSync } from "node:fs";
import { parseConfig } from "@edvoyage/server/app";
import { expect, test } from "vitest";
import { createPageReader } from "../../support/pages/page-reader.ts";
import { stepsOf } from "../../support/pages/page-steps.ts";

test("every command of the README, the social page and the terminal page does what the page shows", async () => {
  const reader = await createPageReader();
  // `npm start` builds first: the reader's server runs without that.
  expect(await reader.follow("README.md", { without: ["npm start"] })).toBeUndefined();

  await reader.run("KEY=vIqcwPzbEyi6tjRgGyBWpSSU53JEzyZ2gHnppAY1J8I");
  expect(await reader.follow("docs/features/social.md")).toBeUndefined();

  const call = (procedure: string, input: object): Promise<Response> =>
    fetch(`${reader.url}/trpc/${procedure}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...input, deviceId: "my-second-device-0123456" }),
    });
  const requested = await call("auth.requestCode", { phone: "+447400123457" });
  const { result }: { result: { data: { challengeId: string } } } = JSON.parse(await requested.text());
  const { challengeId } = result.data;
  for (const code of ["000000", "000001", "000002"]) await call("auth.verifyCode", { challengeId, code });
  // The sample world takes a minute; the journey of the terminal program builds a small one.
  expect(await reader.follow("docs/cli.md", { without: ["seed run"] })).toBeUndefined();
});

test("every command of the pages for beginners and of backups does what the page shows, also with the server stopped", async () => {
  const reader = await createPageReader();

  const wrong = await reader.follow("docs/getting-started.md", {
    without: ["npm start"],
    endless: ["WebsocketProvider"],
  });
  const wrongInBackup = await reader.follow("docs/operations/backup-and-restore.md", {
    without: ["db restore"],
  });
  await reader.stopServer();
  const wrongInRestore = await reader.follow("docs/operations/backup-and-restore.md", {
    without: ["db backup"],
  });
  const last = stepsOf("docs/getting-started.md").at(-1);
  const again = last?.kind === "command" ? await reader.run(last.command) : undefined;

  expect(wrong).toBeUndefined();
  expect([wrongInBackup, wrongInRestore]).toEqual([undefined, undefined]);
  expect(again?.stdout).toBe("signedIn Universidade de Lisboa 0\n");
  expect(again?.stderr).toContain("outbox/not-empty");
});

test("every command of the page of the API does what the page shows", async () => {
  const reader = await createPageReader();

  expect(await reader.follow("docs/api.md")).toBeUndefined();
});

test("the environment of the deployment page is accepted in production", () => {
  const page = readFileSync(new URL("../../../docs/operations/deployment.md", import.meta.url), "utf8");
  const [, block = ""] = /```\n# \/etc\/edvoyage\/environment\n([^]*?)```/.exec(page) ?? [];
  const given = block
    .replaceAll("<openssl rand -base64 32>", "q3Jm0b6oT2xW8vN5cY1zR7uK4eP9sL6d")
    .replace("AC…", `AC${"0".repeat(32)}`)
    .replace("TOKEN=…", `TOKEN=${"0".repeat(32)}`);

  const config = parseConfig(Object.fromEntries(given.split("\n").map((line) => line.split("=", 2))));

  expect(config).toMatchObject({
    env: "production",
    trustedProxies: ["127.0.0.1"],
    sms: { provider: "twilio" },
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { createProxy } from "../../support/network/proxy.ts";
import { startServerProcess } from "../../support/servers/server-process.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import { createWorld, expectRefusal, type World, PRODUCTION } from "../../support/servers/world.ts";
import { createTerminal } from "../../support/apps/world-terminal.ts";

const ESCAPE = "\u001b";

const blockDevice = async (world: World) => {
  const phone = world.device();
  await phone.requestCode();
  for (let i = 0; i < 3; i += 1) await phone.verify({ code: phone.wrongCode() }).catch(() => {});
  return phone;
};

describe("the terminal program in a pipe", () => {
  test("lists sessions as plain text with masked numbers, and as JSON", async () => {
    const { world, edvoyage } = await createTerminal();
    const { session, user } = await world.device({ name: "Asha's phone" }).signIn();

    const plain = await edvoyage("sessions", "list");
    const json = await edvoyage("sessions", "list", "--json");
    const shown = await edvoyage("sessions", "list", "--show-phones");

    expect(plain.exitCode).toBe(0);
    expect(plain.stdout).toContain(session.id);
    expect(plain.stdout).toContain("Asha's phone");
    expect(plain.stdout).toContain(`+91••••••${user.phone.slice(-4)}`);
    expect(plain.stdout).not.toContain(user.phone);
    expect(plain.stdout).not.toContain(ESCAPE);
    expect(JSON.parse(json.stdout)).toMatchObject([{ id: session.id, userId: user.id, state: "live" }]);
    expect(shown.stdout).toContain(user.phone);
  });

  test("revokes a session and reports it, and ends with exit code 3 for an unknown one", async () => {
    const { world, edvoyage } = await createTerminal();
    const { session, rpc } = await world.device().signIn();

    const revoked = await edvoyage("sessions", "revoke", session.id, "--reason", "lost phone");
    const unknown = await edvoyage("sessions", "revoke", "01990000-0000-7000-8000-000000000000");

    expect(revoked.exitCode).toBe(0);
    await expectRefusal(rpc.sessions.validate.query(), "session/revoked");
    expect(unknown.exitCode).toBe(3);
    const audit = await edvoyage("audit", "list", "--json");
    expect(JSON.parse(audit.stdout)[0]).toMatchObject({
      action: "session.revoked",
      actor: "admin",
      reason: "lost phone",
    });
  });

  test("[SI31] lists and explains a number whose known devices have used up their messages, and resets its budgets", async () => {
    const { world, edvoyage } = await createTerminal({ limits: { sendsPerDayPerPhoneForKnownDevices: 1 } });
    const student = world.device();
    await student.signIn();
    await student.requestCode();

    const listed = await edvoyage("numbers", "list");
    const explained = await edvoyage("numbers", "show", student.phone);
    const unblocked = await edvoyage("numbers", "unblock", student.phone);
    const reset = await edvoyage("numbers", "unblock", student.phone, "--reset-budget");

    expect(listed.stdout).toMatch(/KNOWN PAUSED UNTIL +SIGN-INS COUNT UNTIL\n.* 6  2026-\d\d-\d\d .* -$/m);
    expect(explained.stdout).toMatch(
      /^Known devices get no message until \S+ \S+ \(in .+\): 1 were sent to them in 24 hours\.$/m,
    );
    expect(explained.stdout).toContain("0 of 10 to new devices in 24 hours, 1 of 1 to known ones");
    expect(explained.stdout).toContain("1 of 10 sign-ins in 24 hours");
    expect(unblocked.stderr).toMatch(/Devices known to it get no message until .*: --reset-budget ends that/);
    expect(reset.stderr).toBe("");
    expect((await edvoyage("numbers", "list")).stderr).toContain("No number has trouble.");
  });

  test("[SI14] [SI31] explains why a number cannot sign in, and unblocks it", async () => {
    const { world, edvoyage } = await createTerminal();
    const phone = await blockDevice(world);

    const listed = await edvoyage("numbers", "list", "--json");
    const explained = await edvoyage("numbers", "show", phone.phone);
    const unblocked = await edvoyage("numbers", "unblock", phone.phone, "--reason", "called us");

    expect(JSON.parse(listed.stdout)).toMatchObject([{ blockedDevices: 1 }]);
    expect(explained.stdout).toMatch(/blocked until/);
    expect(explained.stdout).not.toContain(phone.phone);
    expect(unblocked.exitCode).toBe(0);
    expect(await phone.verify()).toMatchObject({ isNewUser: true });
    expect((await edvoyage("numbers", "show", phone.phone)).stdout).toContain("Nothing stands in the way");
    const audit = await edvoyage("audit", "list", "--json");
    expect(JSON.parse(audit.stdout)).toContainEqual(
      expect.objectContaining({ action: "number.unblocked", actor: "admin", reason: "called us" }),
    );
  });

  test("seeds the catalogue, and imports a file twice without a further change", async () => {
    const { edvoyage } = await createTerminal();
    const file = join(temporaryFolder(), "universities.json");
    writeFileSync(
      file,
      JSON.stringify([
        {
          name: "New University",
          alpha_two_code: "IN",
          domains: ["new.example"],
          web_pages: ["https://new.example/"],
        },
        { name: "new  UNIVERSITY", alpha_two_code: "in", domains: [], web_pages: [] },
        { name: "", alpha_two_code: "IN" },
      ]),
    );

    const seeded = await edvoyage("seed", "run", "--only-catalogue", "--json");
    const first = await edvoyage("catalogue", "import", file, "--json");
    const second = await edvoyage("catalogue", "import", file, "--json");

    expect(JSON.parse(seeded.stdout)).toMatchObject({ universities: 220 });
    expect(JSON.parse(first.stdout)).toMatchObject({ created: 1, updated: 0 });
    expect(JSON.parse(second.stdout)).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    expect(JSON.parse(second.stdout).skipped).toHaveLength(2);
  });

  test("seeds a world once, with its progress, and prints the number to sign in with", async () => {
    const { world, edvoyage } = await createTerminal();
    const words = ["seed", "run", "--students", "12"];

    const first = await edvoyage(...words);
    const second = await edvoyage(...words);
    const asJson = await edvoyage(...words, "--json");
    const other = await edvoyage("seed", "run", "--students", "13");

    expect(first.exitCode).toBe(0);
    expect(first.stderr).toMatch(/^Building: [\d,]+ of ([\d,]+)\n[^]*Building: \1 of \1\n$/);
    expect(first.stdout).toMatch(/students +12\n[^]*Sign in as .+ with \+12025550100\./);
    expect(first.stdout + first.stderr).not.toContain(ESCAPE);
    expect(second).toMatchObject({ exitCode: 0, stderr: "" });
    expect(second.stdout).toContain("World 1 with its 12 students is all there already.");
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      universities: 0,
      students: 0,
      messages: 0,
      seed: 1,
      signInAs: { phone: "+12025550100" },
    });
    expect(other).toMatchObject({ exitCode: 5 });
    expect(await world.device({ phone: "+12025550100" }).signIn()).toMatchObject({ isNewUser: false });
  });

  test("refuses to seed a world in production, and names the option that allows it", async () => {
    const world = await createWorld({ environment: PRODUCTION });
    const environment = { EDVOYAGE_URL: world.url, EDVOYAGE_ADMIN_TOKEN: world.adminToken };

    const refused = await runTerminal(["seed", "run"], { environment });

    expect(refused).toMatchObject({ exitCode: 4, stdout: "" });
    expect(refused.stderr).toContain("--even-in-production");
    expect((await world.admin.admin.users.list.query()).items).toEqual([]);
    expect(await world.admin.admin.status.query()).toMatchObject({ universities: 0 });
  });

  test("reports a healthy server with the doctor", async () => {
    const { edvoyage } = await createTerminal();

    const { exitCode, stdout } = await edvoyage("doctor");

    expect(stdout).toMatch(/synchronous=FULL/);
    expect(exitCode).toBe(0);
  });

  test.each([
    [2, ["sessions", "lst"]],
    [2, ["numbers", "show"]],
    [2, ["numbers", "show", "not a number"]],
    [2, ["catalogue", "import", "/nonexistent.json"]],
    [3, ["numbers", "show", "+919812345678"]],
    [2, ["applications", "move", "x", "sideways"]],
    [2, ["seed", "run", "--students", "many"]],
    [2, ["seed", "run", "--students", "5"]],
    [3, ["applications", "show", "01990000-0000-7000-8000-000000000000"]],
    [2, ["applications", "document", "x", "y", "uploaded"]],
    [3, ["posts", "show", "01990000-0000-7000-8000-000000000000"]],
    [2, ["posts", "remove", "01990000-0000-7000-8000-000000000000", "--yes"]],
    [2, ["posts", "remove", "01990000-0000-7000-8000-000000000000", "--reason", " ", "--yes"]],
    [3, ["posts", "remove", "01990000-0000-7000-8000-000000000000", "--reason", "spam", "--yes"]],
    [2, ["push", "show"]],
  ])("ends with exit code %i after %j", async (exitCode, words) => {
    const { edvoyage } = await createTerminal();

    const ended = await edvoyage(...words);

    expect(ended).toMatchObject({ exitCode, stdout: "" });
    expect(ended.stderr).not.toBe("");
    expect(ended.stderr).not.toContain(ESCAPE);
  });

  test("rejects an answer that does not come from an EdVoyage server", async () => {
    const proxy = await createProxy("http://127.0.0.1:1");
    const edvoyage = (...words: string[]) => runTerminal([...words, "--url", proxy.url]);
    const body = '[{"result":{"data":{"revoked":true}}}]';
    proxy.answerWith({ status: 200, headers: { "content-type": "application/json" }, body });

    const id = "01990000-0000-7000-8000-000000000000";
    const revoked = await edvoyage("sessions", "revoke", id, "--reason", "lost phone");
    const doctor = await edvoyage("doctor");

    expect(revoked).toMatchObject({ exitCode: 6, stdout: "" });
    expect(revoked.stderr).toContain("is no EdVoyage server");
    expect(doctor.stdout + doctor.stderr).toContain("is no EdVoyage server");
    expect(doctor.exitCode).not.toBe(0);
  });

  test("ends with an error in JSON for a wrong token and for an unreachable server", async () => {
    const { world } = await createTerminal();
    const environment = {
      EDVOYAGE_URL: world.url,
      EDVOYAGE_ADMIN_TOKEN: "not the token",
      EDVOYAGE_DATA_DIR: world.dataDir,
    };

    const refused = await runTerminal(["sessions", "list", "--json"], { environment });
    const unreachable = await runTerminal(["sessions", "list", "--json", "--url", "http://127.0.0.1:1"], {
      environment,
    });

    expect(refused.exitCode).toBe(4);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { reason: "forbidden" } });
    expect(unreachable.exitCode).toBe(6);
    expect(JSON.parse(unreachable.stderr)).toMatchObject({ error: { reason: "server/unavailable" } });
  });
});

describe("the terminal program on the database itself", () => {
  test("respects a running server's lock, and works when no server runs", async () => {
    const dataDir = temporaryFolder();
    const environment = { EDVOYAGE_DATA_DIR: dataDir };
    const server = await startServerProcess(dataDir);

    const locked = await runTerminal(["sessions", "list", "--db"], { environment });
    const found = await runTerminal(["sessions", "list"], { environment });
    await server.end("SIGTERM");
    const world = ["--students", "12", "--seed", "9"];
    const opened = await runTerminal(["seed", "run", ...world, "--db", "--json"], { environment });

    expect(locked.exitCode).toBe(5);
    expect(locked.stderr).toMatch(/server is running/i);
    expect(found.exitCode).toBe(0);
    expect(opened.exitCode).toBe(0);
    expect(JSON.parse(opened.stdout)).toMatchObject({ universities: 220, students: 12, seed: 9 });
  });
});

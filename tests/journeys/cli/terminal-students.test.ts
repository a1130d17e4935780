import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createSubmitted, someCourses } from "../../support/students/application.ts";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createTerminal } from "../../support/apps/world-terminal.ts";

const ESCAPE = "\u001b";

describe("the terminal program in a pipe", () => {
  test("lists, shows and moves applications, and needs a confirmation to move one", async () => {
    const { world, edvoyage } = await createTerminal();
    const student = await createStudent(world);
    const courseId = (await someCourses(world, 1))[0] ?? "";
    const { id } = await createSubmitted(student, courseId);

    const listed = await edvoyage("applications", "list", "--status", "submitted");
    const shown = await edvoyage("applications", "show", id);
    const unconfirmed = await edvoyage("applications", "move", id, "under_review");
    const moved = await edvoyage("applications", "move", id, "under_review", "--yes", "--reason", "complete");
    const impossible = await edvoyage("applications", "move", id, "submitted", "--json");

    expect(listed.stdout).toContain(id);
    expect(listed.stdout).not.toContain(student.phone);
    expect(shown.stdout).toMatch(/Statement +I have wanted to[^]*passport +uploaded[^]*Next +under_review/);
    expect(shown.stdout).not.toContain(student.phone);
    expect(shown.stdout).not.toContain(ESCAPE);
    expect(unconfirmed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(moved).toMatchObject({ exitCode: 0 });
    expect(impossible.exitCode).toBe(5);
    expect(JSON.parse(impossible.stderr)).toMatchObject({ error: { reason: "conflict" } });
    expect(await student.rpc.applications.get.query({ applicationId: id })).toMatchObject({
      status: "under_review",
    });
    expect(JSON.parse((await edvoyage("audit", "list", "--json")).stdout)[0]).toMatchObject({
      action: "application.moved",
      reason: `${id}: submitted to under_review: complete`,
    });
  });

  test("sets the status of a document of a submitted application, but not after its withdrawal", async () => {
    const { world, edvoyage } = await createTerminal();
    const student = await createStudent(world);
    const courseId = (await someCourses(world, 1))[0] ?? "";
    const { id, documents } = await createSubmitted(student, courseId);
    const passport = documents.find(({ kind }) => kind === "passport")?.id ?? "";

    const shown = await edvoyage("applications", "show", id);
    const judge = (...words: string[]) => edvoyage("applications", "document", id, passport, ...words);
    const rejected = await judge("rejected", "--note", "Page 2 is missing", "--reason", "seen twice");
    const withdrawn = await student.rpc.applications.withdraw.mutate({ applicationId: id });
    const late = await judge("accepted", "--json");

    expect(shown.stdout).toMatch(new RegExp(`${passport} +passport +uploaded`));
    expect(rejected).toMatchObject({ exitCode: 0, stderr: "" });
    expect(rejected.stdout).toMatch(/^Now rejected: passport, scan\.pdf, of /);
    expect(rejected.stdout).not.toContain(student.phone);
    expect(withdrawn.documents).toContainEqual(
      expect.objectContaining({ id: passport, status: "rejected", note: "Page 2 is missing" }),
    );
    expect(late).toMatchObject({ exitCode: 5, stdout: "" });
    expect(JSON.parse((await edvoyage("audit", "list", "--json")).stdout)).toContainEqual(
      expect.objectContaining({
        action: "application.document-judged",
        reason: `${id}: passport uploaded to rejected: seen twice`,
      }),
    );
  });

  test("lists reported posts, shows the reasons, and needs a confirmation to remove one", async () => {
    const { world, edvoyage } = await createTerminal();
    const [ada, bo, cleo] = await Promise.all([
      createStudent(world),
      createStudent(world),
      createStudent(world),
    ]);
    await ada.rpc.profile.update.mutate({ name: "Ada" });
    const postBy = async (text: string) => (await ada.rpc.social.post.mutate({ text })).postId;
    const [first, second, liked] = [
      await postBy("Essays\nfor sale\u200e"),
      await postBy("More essays"),
      await postBy("A fine day"),
    ];
    await bo.rpc.social.report.mutate({ postId: second, reason: "Spam" });
    world.clock.advance({ minutes: 1 });
    await bo.rpc.social.report.mutate({ postId: first, reason: "Spam, too" });
    world.clock.advance({ minutes: 1 });
    await cleo.rpc.social.report.mutate({ postId: first, reason: "Cheating" });

    const listed = await edvoyage("posts", "list");
    const reported = await edvoyage("posts", "list", "--json");
    const all = await edvoyage("posts", "list", "--all", "--json", "--limit", "2");
    const shown = await edvoyage("posts", "show", first);
    const unconfirmed = await edvoyage("posts", "remove", first, "--reason", "sells essays");
    const before = await edvoyage("posts", "show", first, "--json");
    const removed = await edvoyage("posts", "remove", first, "--reason", "sells essays", "--yes", "--json");
    const repeated = await edvoyage("posts", "remove", first, "--reason", "sells essays", "--yes");

    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(listed.stdout).toMatch(new RegExp(`${first} +2 .* Essays for sale +Ada[^]*${second} +1 .* Ada`));
    expect(listed.stdout).not.toContain(liked);
    expect(JSON.parse(reported.stdout)).toMatchObject([
      { id: first, reportCount: 2 },
      { id: second, reportCount: 1 },
    ]);
    expect(JSON.parse(all.stdout)).toMatchObject([{ id: liked }, { id: second }]);
    expect(all.stderr).toMatch(/--limit/);
    expect(shown.stdout).toMatch(/Text +Essays\n +for sale\n[^]*Cheating \(.*\)\n.*Spam, too/);
    for (const { stdout } of [listed, shown]) {
      expect(stdout).not.toContain(ESCAPE);
      expect(stdout).not.toContain("\u200e");
    }
    expect(unconfirmed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(JSON.parse(before.stdout)).toMatchObject({
      id: first,
      reports: [{ userId: cleo.id }, { userId: bo.id }],
    });
    expect(removed.exitCode).toBe(0);
    expect(JSON.parse(removed.stdout)).toEqual({ postId: first, authorId: ada.id });
    expect(repeated).toMatchObject({ exitCode: 3, stdout: "" });
    await expectRefusal(ada.rpc.social.get.query({ postId: first }), "not-found");
    expect(JSON.parse((await edvoyage("audit", "list", "--json")).stdout)[0]).toMatchObject({
      action: "post.removed",
      actor: "admin",
      userId: ada.id,
      reason: "sells essays",
    });
  });

  test("lists pushes that were given up, with the provider's message stripped of control characters", async () => {
    const { world, edvoyage } = await createTerminal({
      pushProvider: {
        name: "expo",
        batchSize: 100,
        serves: ["expo"],
        send: async (messages) =>
          messages.map(() => ({ state: "refused", error: `TooBig${ESCAPE}[2J\nfor us` })),
      },
    });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    await ada.rpc.push.register.mutate({ provider: "expo", token: "ExponentPushToken[a]" });

    const before = await edvoyage("push", "list");
    await bo.send(await openDirect(ada, bo), "Hello");
    const deadLetters = () => world.admin.admin.push.list.query();
    await until(async () => (await deadLetters()).items.some(({ kind }) => kind === "message"));
    const listed = await edvoyage("push", "list");
    const json = await edvoyage("push", "list", "--json");

    expect(before).toMatchObject({ exitCode: 0, stdout: "" });
    expect(before.stderr).toBe("No push was given up.\n");
    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(listed.stdout).toMatch(new RegExp(` expo +TooBig\\[2J for us +message +1 .*${ada.id}`));
    expect(listed.stdout).not.toContain(ESCAPE);
    expect(listed.stdout).not.toContain("ExponentPushToken");
    expect(json.stdout).not.toContain(ESCAPE);
    expect(JSON.parse(json.stdout)).toEqual((await deadLetters()).items);
  });

  test("lists, shows, exports and erases a student", async () => {
    const { world, edvoyage } = await createTerminal();
    const { user, rpc } = await world.device().signIn();
    await rpc.profile.update.mutate({ name: "Asha", bio: "Two\nlines" });
    const file = join(temporaryFolder(), "asha.json");

    const listed = await edvoyage("users", "list");
    const shown = await edvoyage("users", "show", user.phone);
    const written = await edvoyage("users", "export", user.id, "--output", file);
    const repeated = await edvoyage("users", "export", user.id, "--output", file);
    const printed = await edvoyage("users", "export", user.id);
    const unconfirmed = await edvoyage("users", "erase", user.id);
    const erased = await edvoyage("users", "erase", user.id, "--yes", "--reason", "asked by letter");
    const afterErasure = await edvoyage("users", "show", user.id);

    expect(listed.stdout).toContain("Asha");
    expect(listed.stdout).toContain(`+91••••••${user.phone.slice(-4)}`);
    expect(shown.stdout).toContain(user.id);
    for (const { stdout } of [listed, shown, written, erased]) expect(stdout).not.toContain(user.phone);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ profile: { name: "Asha" } });
    expect(repeated.exitCode).toBe(5);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      user: { phone: user.phone },
      profile: { name: "Asha" },
    });
    expect(unconfirmed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(erased.exitCode).toBe(0);
    expect(erased.stdout).toContain(`+91••••••${user.phone.slice(-4)} is erased.`);
    expect(afterErasure.exitCode).toBe(3);
    const audit = await edvoyage("audit", "list", "--json");
    expect(JSON.parse(audit.stdout)).toContainEqual(
      expect.objectContaining({ action: "account.erasure-begun", actor: "admin", reason: "asked by letter" }),
    );
  });
});

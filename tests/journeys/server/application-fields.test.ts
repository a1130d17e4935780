import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { createCompleteDraft, createSubmitted } from "../../support/students/application.ts";
import { DIALECTS, writeRows } from "../../support/databases/databases.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createApplicationScene } from "../../support/students/application-scene.ts";

describe.each(DIALECTS)("an application, on %s", (dialect) => {
  test("merges offline edits of its draft field by field, and loses nothing when two devices collide", async () => {
    const { world, courseAt, ada } = await createApplicationScene(dialect);
    const phone = ada.rpc.applications;
    const tablet = world.rpc({ token: ada.token }).applications;
    const { id: applicationId } = await phone.create.mutate({
      courseId: courseAt(0),
      fields: { statement: "Both know this", notes: "" },
    });

    await phone.update.mutate({
      applicationId,
      changes: { statement: "The phone's", intakeYear: 2028 },
      base: { statement: "Both know this", intakeYear: null },
    });
    const merged = await tablet.update.mutate({
      applicationId,
      changes: { notes: " The tablet's\r\nnotes ", funding: "loan" },
      base: { notes: "", funding: null },
    });
    expect(merged.fields).toMatchObject({
      statement: "The phone's",
      intakeYear: 2028,
      notes: "The tablet's\nnotes",
      funding: "loan",
    });

    const commandId = uuidv7();
    const edit = {
      applicationId,
      changes: { statement: "The tablet's", studyMode: "part-time" as const },
      base: { statement: "Both know this" },
    };
    await expectRefusal(tablet.update.mutate({ ...edit, commandId }), "conflict", {
      fields: ["statement"],
      application: { id: applicationId, fields: { statement: "The phone's", studyMode: null } },
    });
    expect(await phone.get.query({ applicationId })).toMatchObject({
      fields: { statement: "The phone's", studyMode: null },
    });
    // The student has seen both versions.
    const base = { statement: "The phone's" };
    expect(await tablet.update.mutate({ ...edit, base })).toMatchObject({
      fields: { statement: "The tablet's", studyMode: "part-time" },
    });
    // A base that no valid field could have is accepted as input, but matches no field.
    await expectRefusal(
      phone.update.mutate({
        applicationId,
        changes: { contactEmail: "a@b.org" },
        base: { contactEmail: "oops" },
      }),
      "conflict",
      { fields: ["contactEmail"] },
    );
  });

  test("rejects invalid fields, and reports texts above the limit with the name of that limit", async () => {
    const { courseAt, ada } = await createApplicationScene(dialect, { applicationTextCharacters: 10 });
    const { applications } = ada.rpc;
    const { id: applicationId } = await applications.create.mutate({ courseId: courseAt(0) });

    for (const changes of [
      { intakeYear: 1999 },
      { intakeYear: 2028.5 },
      { contactEmail: "not an address" },
      { contactEmail: "a@b.example\nBcc: c@d.example" },
      { statement: "\u0000" },
      { statement: "\ud800" },
      { notes: "\u202egnal" },
      { studyMode: "sometimes" as never },
      { status: "accepted" } as never,
      { userId: uuidv7() } as never,
    ]) {
      await expectRefusal(applications.update.mutate({ applicationId, changes }), "input/invalid");
    }
    await expectRefusal(
      applications.update.mutate({ applicationId, changes: { statement: "a".repeat(11) } }),
      "limit/reached",
      { limit: "applicationTextCharacters" },
    );
    await expectRefusal(
      applications.create.mutate({ courseId: courseAt(1), fields: { notes: "a".repeat(11) } }),
      "limit/reached",
    );
    expect(await applications.update.mutate({ applicationId, changes: { statement: "मैं हूँ" } })).toMatchObject({
      fields: { statement: "मैं हूँ" },
    });
  });

  test("lets the student add, replace and remove documents until an admin has accepted them", async () => {
    const { world, courseAt, ada } = await createApplicationScene(dialect, { documentsPerApplication: 3 });
    const { applications } = ada.rpc;
    const { admin } = world.admin;
    const { id: applicationId } = await createCompleteDraft(ada, courseAt(0));
    const { documents } = await applications.addDocument.mutate({
      applicationId,
      kind: "cv",
      name: "cv.pdf",
    });
    const idOf = (kind: string) => documents.find((document) => document.kind === kind)?.id ?? "";
    const cv = { applicationId, documentId: idOf("cv") };
    const passport = { applicationId, documentId: idOf("passport") };
    await expectRefusal(
      applications.addDocument.mutate({ applicationId, kind: "other", name: "x" }),
      "limit/reached",
      { limit: "documentsPerApplication" },
    );
    // Only the student may see the contents of a draft.
    await expectRefusal(admin.applications.setDocument.mutate({ ...cv, status: "accepted" }), "not-found");
    expect(await admin.applications.show.query({ applicationId })).toMatchObject({
      fields: null,
      documents: [],
    });

    await applications.submit.mutate({ applicationId });
    const judged = await admin.applications.setDocument.mutate({
      ...passport,
      status: "rejected",
      note: "The photo is cut off.",
    });
    expect(judged.documents).toContainEqual(
      expect.objectContaining({ kind: "passport", status: "rejected", note: "The photo is cut off." }),
    );
    await applications.uploadDocument.mutate({ ...passport, name: "whole.pdf" });
    await admin.applications.setDocument.mutate({ ...passport, status: "accepted" });
    await expectRefusal(applications.uploadDocument.mutate(passport), "conflict");
    await expectRefusal(applications.removeDocument.mutate(passport), "conflict");
    await expectRefusal(
      admin.applications.setDocument.mutate({ ...passport, status: "uploaded" }),
      "conflict",
    );
    await applications.removeDocument.mutate(cv);
    await expectRefusal(applications.removeDocument.mutate(cv), "not-found");
    await applications.withdraw.mutate({ applicationId });
    await expectRefusal(
      applications.addDocument.mutate({ applicationId, kind: "cv", name: "x" }),
      "conflict",
    );
    await expectRefusal(
      admin.applications.setDocument.mutate({ ...passport, status: "rejected" }),
      "conflict",
    );

    const { documents: left } = await applications.get.query({ applicationId });
    expect(left.map(({ kind, name, status }) => ({ kind, name, status }))).toEqual([
      { kind: "passport", name: "whole.pdf", status: "accepted" },
      { kind: "transcript", name: "scan.pdf", status: "uploaded" },
    ]);
    expect((await applications.list.query()).items).toMatchObject([{ documents: left }]);
  });

  test("keeps its fee and deadline after the submission, even when its course is gone", async () => {
    const { world, courseAt, ada } = await createApplicationScene(dialect);
    const { applications } = ada.rpc;
    const submitted = await createSubmitted(ada, courseAt(0));
    const draft = await createCompleteDraft(ada, courseAt(1));
    const late = await createCompleteDraft(ada, courseAt(2));
    await applications.update.mutate({
      applicationId: late.id,
      changes: { intakeYear: 2026 },
      base: { intakeYear: 2028 },
    });
    const refused = await expectRefusal(applications.submit.mutate({ applicationId: late.id }), "conflict");
    expect(refused.message).toMatch(/too late/);

    const reopen = await world.stop();
    await writeRows(
      world.databaseUrl,
      "update courses set application_fee = 7, deadline_month = 2, deadline_day = 1",
    );
    await writeRows(
      world.databaseUrl,
      `delete from courses where id in ('${courseAt(0)}', '${courseAt(1)}')`,
    );
    const { rpc } = await reopen();
    const { applications: after } = rpc({ token: ada.token });

    const courseGone = { course: { isOffered: false } };
    expect(await after.get.query({ applicationId: submitted.id })).toEqual({
      ...submitted,
      course: { ...submitted.course, isOffered: false },
    });
    expect(await after.get.query({ applicationId: draft.id })).toMatchObject({
      ...courseGone,
      course: { title: draft.course.title },
      fee: null,
      deadline: null,
    });
    await expectRefusal(after.submit.mutate({ applicationId: draft.id }), "conflict", {
      application: courseGone,
    });
    expect(await after.get.query({ applicationId: late.id })).toMatchObject({ fee: { amount: 7 } });
    expect((await after.list.query()).items).toHaveLength(3);
  });
});

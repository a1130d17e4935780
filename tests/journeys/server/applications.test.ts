import type { ApplicationStatus } from "@edvoyage/protocol";
import type { SentApplication } from "@edvoyage/server";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { COMPLETE_FIELDS, createCompleteDraft, createSubmitted } from "../../support/students/application.ts";
import { DIALECTS } from "../../support/databases/databases.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createApplicationScene, stepsOf } from "../../support/students/application-scene.ts";

describe.each(DIALECTS)("an application, on %s", (dialect) => {
  test("passes from the draft through its submission to a decision, and its history shows who did what", async () => {
    const { world, courseAt, ada } = await createApplicationScene(dialect);
    const { applications } = ada.rpc;
    const { admin } = world.admin;
    const commandId = uuidv7();
    const course = await world.rpc().courses.get.query({ id: courseAt(0) });

    const draft = await applications.create.mutate({ courseId: course.id, commandId });
    expect(draft).toMatchObject({
      id: commandId,
      status: "draft",
      moves: ["submitted", "withdrawn"],
      course: { id: course.id, title: course.title, isOffered: true },
      fee: { amount: course.applicationFee, currency: course.currency },
      deadline: course.applicationDeadline,
      submittedAt: null,
    });
    const { details } = await expectRefusal(
      applications.submit.mutate({ applicationId: draft.id }),
      "input/invalid",
    );
    expect(JSON.stringify(details)).toMatch(/intakeYear.*statement.*passport.*transcript/);

    world.clock.advance({ hours: 1 });
    await applications.update.mutate({ applicationId: draft.id, changes: COMPLETE_FIELDS });
    for (const kind of ["passport", "transcript", "cv"] as const) {
      await applications.addDocument.mutate({
        applicationId: draft.id,
        kind,
        name: `${kind}.pdf`,
        status: "uploaded",
      });
    }
    const submitted = await applications.submit.mutate({ applicationId: draft.id, from: "draft" });
    expect(submitted).toMatchObject({
      status: "submitted",
      moves: ["withdrawn"],
      fields: COMPLETE_FIELDS,
      submittedAt: world.clock.now(),
    });

    for (const status of ["under_review", "interview", "accepted"] as const) {
      world.clock.advance({ hours: 5 });
      await admin.applications.move.mutate({
        applicationId: draft.id,
        status,
        note: status === "accepted" ? "Welcome!\nSee you soon." : null,
        reason: "committee",
      });
    }
    const { items } = await ada.rpc.notifications.recent.query();
    expect(items).toMatchObject(
      ["accepted", "interview", "under_review"].map((status) => ({
        kind: "moved",
        actor: null,
        subject: { kind: "application", id: draft.id },
        status,
      })),
    );
    const pages = [await applications.history.query({ applicationId: draft.id, limit: 3 })];
    pages.push(
      await applications.history.query({ applicationId: draft.id, limit: 3, cursor: pages[0]?.nextCursor }),
    );
    expect(pages.flatMap((page) => page.items)).toMatchObject([
      { position: 0, by: "student", actorId: ada.id, from: null, to: "draft" },
      { position: 1, by: "student", actorId: ada.id, from: "draft", to: "submitted" },
      { position: 2, by: "admin", actorId: null, from: "submitted", to: "under_review", note: null },
      { position: 3, by: "admin", from: "under_review", to: "interview" },
      { position: 4, by: "admin", from: "interview", to: "accepted", note: "Welcome!\nSee you soon." },
    ]);
    expect(pages[1]?.nextCursor).toBeNull();
    const audit = await admin.audit.list.query({ limit: 1 });
    expect(audit.items).toMatchObject([
      {
        action: "application.moved",
        actor: "admin",
        userId: ada.id,
        phone: expect.stringContaining("•"),
        reason: `${draft.id}: interview to accepted: committee`,
      },
    ]);
  });

  test("refuses every change of status that the table does not contain, and stays as it is", async () => {
    const { world, courseAt, ada, move } = await createApplicationScene(dialect);
    const { applications } = ada.rpc;
    const paths: readonly (readonly ApplicationStatus[])[] = [
      [],
      ["under_review"],
      ["under_review", "interview"],
      ["under_review", "accepted"],
      ["under_review", "rejected"],
      ["under_review", "waitlisted"],
      ["under_review", "deferred"],
    ];
    for (const [index, path] of paths.entries()) {
      const { id: applicationId } = await createSubmitted(ada, courseAt(index));
      for (const status of path) await move(applicationId, status);
      const shown = await world.admin.admin.applications.show.query({ applicationId });
      const { status, moves } = await applications.get.query({ applicationId });

      for (const to of ["draft", "submitted", "withdrawn", status] as const) {
        await expectRefusal(move(applicationId, to), "conflict");
      }
      for (const to of [
        "under_review",
        "interview",
        "accepted",
        "rejected",
        "waitlisted",
        "deferred",
      ] as const) {
        if (!shown.moves.includes(to)) await expectRefusal(move(applicationId, to), "conflict");
      }
      await expectRefusal(applications.submit.mutate({ applicationId }), "conflict");
      await expectRefusal(
        applications.update.mutate({ applicationId, changes: { notes: "Late" } }),
        "conflict",
        { application: { status } },
      );
      if (!moves.includes("withdrawn")) {
        await expectRefusal(applications.withdraw.mutate({ applicationId }), "conflict");
      }
      expect((await stepsOf(ada, applicationId)).map(({ to }) => to)).toEqual([
        "draft",
        "submitted",
        ...path,
      ]);
    }
  });

  test("cannot be created beside another live one for its course, or above the limit per student", async () => {
    const { courseAt, ada, bo, move } = await createApplicationScene(dialect, { applicationsPerUser: 3 });
    const { applications } = ada.rpc;
    const courseId = courseAt(0);
    const first = await createSubmitted(ada, courseId);

    await expectRefusal(applications.create.mutate({ courseId }), "conflict", {
      application: { id: first.id },
    });
    await move(first.id, "under_review");
    await move(first.id, "rejected");
    const second = await applications.create.mutate({ courseId });
    await applications.withdraw.mutate({ applicationId: second.id });
    const third = await applications.create.mutate({ courseId });
    await expectRefusal(applications.create.mutate({ courseId: courseAt(1) }), "limit/reached", {
      limit: "applicationsPerUser",
    });
    expect(await bo.rpc.applications.create.mutate({ courseId })).toMatchObject({ status: "draft" });

    const { items } = await applications.list.query();
    expect(items.map(({ id, status }) => ({ id, status }))).toEqual(
      [
        { id: first.id, status: "rejected" },
        { id: second.id, status: "withdrawn" },
        { id: third.id, status: "draft" },
      ].toSorted((one, other) => (one.id < other.id ? 1 : -1)),
    );
    expect((await applications.list.query({ status: "draft" })).items.map(({ id }) => id)).toEqual([
      third.id,
    ]);
    await expectRefusal(applications.create.mutate({ courseId: uuidv7() }), "not-found");
  });

  test("takes a command only once, and rejects an id that another application uses", async () => {
    const { courseAt, ada, bo } = await createApplicationScene(dialect);
    const [commandId, courseId] = [uuidv7(), courseAt(0)];

    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ada.rpc.applications.create.mutate({ courseId, commandId })),
    );

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await expectRefusal(bo.rpc.applications.create.mutate({ courseId, commandId }), "input/invalid");
    await expectRefusal(
      ada.rpc.applications.create.mutate({ courseId: courseAt(1), commandId }),
      "input/invalid",
    );
    const documentId = uuidv7();
    const document = { applicationId: commandId, kind: "cv", name: "cv.pdf", commandId: documentId } as const;
    await ada.rpc.applications.addDocument.mutate(document);
    const { documents } = await ada.rpc.applications.addDocument.mutate(document);
    expect(documents).toMatchObject([{ id: documentId, kind: "cv", name: "cv.pdf", status: "expected" }]);
    expect(await stepsOf(ada, commandId)).toHaveLength(1);
  });

  test("stays hidden from other students, whatever they request", async () => {
    const { courseAt, ada, bo } = await createApplicationScene(dialect);
    const { id, documents } = await createCompleteDraft(ada, courseAt(0));
    const documentId = documents[0]?.id ?? "";
    const { applications } = bo.rpc;

    for (const applicationId of [id, uuidv7(), "", "'; drop table applications", "~"]) {
      const [documentRef, cv] = [
        { applicationId, documentId },
        { applicationId, kind: "cv", name: "x" } as const,
      ];
      const refusals = [
        await expectRefusal(applications.get.query({ applicationId }), "not-found"),
        await expectRefusal(applications.history.query({ applicationId }), "not-found"),
        await expectRefusal(applications.update.mutate({ applicationId, changes: {} }), "not-found"),
        await expectRefusal(applications.submit.mutate({ applicationId }), "not-found"),
        await expectRefusal(applications.withdraw.mutate({ applicationId }), "not-found"),
        await expectRefusal(applications.addDocument.mutate(cv), "not-found"),
        await expectRefusal(applications.uploadDocument.mutate(documentRef), "not-found"),
        await expectRefusal(applications.removeDocument.mutate(documentRef), "not-found"),
      ];
      expect(new Set(refusals.map(({ message }) => message))).toEqual(
        new Set(["There is no such application."]),
      );
    }
    expect((await applications.list.query()).items).toEqual([]);
    expect((await ada.rpc.applications.get.query({ applicationId: id })).documents).toHaveLength(2);
  });

  test("tells the student's other devices of every change, and no other student's", async () => {
    const { world, courseAt, ada, bo, move } = await createApplicationScene(dialect);
    const { applications } = ada.rpc;
    const changedBy = async (act: () => Promise<unknown>): Promise<string[]> => {
      world.clock.advance({ seconds: 1 });
      const since = world.clock.now();
      await act();
      const { areas } = await ada.rpc.inbox.changes.query({ since });
      expect((await bo.rpc.inbox.changes.query({ since })).areas).toEqual([]);
      return areas.map(({ area }) => area);
    };
    let application: SentApplication | undefined;

    expect(
      await changedBy(async () => {
        application = await createCompleteDraft(ada, courseAt(0));
      }),
    ).toEqual(["applications"]);
    const applicationId = application?.id ?? "";
    expect(await changedBy(() => applications.submit.mutate({ applicationId }))).toEqual(["applications"]);
    expect(await changedBy(() => move(applicationId, "under_review"))).toEqual([
      "applications",
      "notifications",
    ]);
    const documentId = application?.documents[0]?.id ?? "";
    expect(
      await changedBy(() =>
        world.admin.admin.applications.setDocument.mutate({ applicationId, documentId, status: "accepted" }),
      ),
    ).toEqual(["applications"]);
  });

  test("appears in an admin's list, which has pages, filters by status and student, and masks numbers", async () => {
    const { world, courseAt, ada, bo, move } = await createApplicationScene(dialect);
    const { list, show } = world.admin.admin.applications;
    const [one, two] = [await createSubmitted(ada, courseAt(0)), await createSubmitted(bo, courseAt(0))];
    await ada.rpc.applications.create.mutate({ courseId: courseAt(1), fields: { statement: "Secret" } });
    await move(two.id, "under_review");

    const first = await list.query({ limit: 2 });
    const second = await list.query({ limit: 2, cursor: first.nextCursor });
    expect([...first.items, ...second.items]).toHaveLength(3);
    expect(second.nextCursor).toBeNull();
    expect(JSON.stringify([first, second])).not.toMatch(/Secret|\+91\d{10}/);
    expect((await list.query({ status: "under_review" })).items).toMatchObject([
      {
        id: two.id,
        student: { id: bo.id },
        moves: ["interview", "accepted", "rejected", "waitlisted", "deferred"],
      },
    ]);
    expect((await list.query({ userId: ada.id, status: "submitted" })).items).toMatchObject([{ id: one.id }]);
    expect(await show.query({ applicationId: one.id, showPhones: true })).toMatchObject({
      student: { phone: ada.phone },
      fields: COMPLETE_FIELDS,
      history: [{ to: "draft" }, { to: "submitted" }],
    });
    await expectRefusal(show.query({ applicationId: uuidv7() }), "not-found");
    await expectRefusal(move(uuidv7(), "under_review"), "not-found");
  });
});

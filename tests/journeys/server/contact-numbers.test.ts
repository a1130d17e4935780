import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { createWorld, expectRefusal, somePhone, type WorldOptions } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect, options: WorldOptions = {}) => {
  const world = await createWorld({ dialect, ...options });
  return { world, ada: await createStudent(world), bo: await createStudent(world) };
};

const addNumber = (student: Student, phone: string, nickname?: string) =>
  student.rpc.contacts.add.mutate({ phone, ...(nickname ? { nickname } : {}) });
const list = async (student: Student) => (await student.rpc.contacts.list.query()).items;
/** Returns the user ids in a student's contact list; null for a number without a known student. */
const contactUserIds = async (student: Student) => (await list(student)).map(({ userId }) => userId);
const setFindable = (student: Student, findable: boolean) => student.rpc.profile.update.mutate({ findable });

describe.each(DIALECTS)("a contact by number, on %s", (dialect) => {
  test("looks the same whether or not the number belongs to a student", async () => {
    const { ada, bo } = await createScene(dialect);
    const unknown = somePhone();

    const answers = [await addNumber(ada, bo.phone, "Bobo"), await addNumber(ada, unknown, "Bobo")];

    const shape = { userId: null, name: null, nickname: "Bobo", favourite: false, blocked: false };
    expect(answers).toMatchObject([
      { ...shape, phone: bo.phone },
      { ...shape, phone: unknown },
    ]);
    const [one, other] = answers;
    expect(Object.keys(one ?? {})).toEqual(Object.keys(other ?? {}));
    for (const { id } of answers) {
      await ada.rpc.contacts.update.mutate({ userId: id, favourite: true });
      await expectRefusal(ada.rpc.contacts.update.mutate({ userId: id, blocked: true }), "conflict");
    }
    expect(await list(ada)).toHaveLength(2);
    expect((await list(ada)).every(({ favourite, userId }) => favourite && userId === null)).toBe(true);
    expect(await list(bo)).toEqual([]);
    // Adding Bo's number does not make Bo a contact for chat: a request from Bo still comes from a stranger.
    expect((await ada.rpc.inbox.changes.query({ since: null })).areas).toMatchObject([{ area: "contacts" }]);
    expect((await bo.rpc.inbox.changes.query({ since: null })).areas).toEqual([]);
  });

  test("shows both students to each other once both have added the number, even when one registers in between", async () => {
    const { world, ada } = await createScene(dialect);
    const phone = somePhone();
    const { id } = await addNumber(ada, phone, "Cy");

    const cy = await createStudent(world, { phone });
    expect(await contactUserIds(ada)).toEqual([null]);
    await cy.rpc.profile.update.mutate({ name: "Cyrus" });
    const answer = await addNumber(cy, ada.phone);

    expect(answer).toMatchObject({ userId: ada.id, phone: ada.phone });
    expect(await list(ada)).toMatchObject([{ id, userId: cy.id, phone, name: "Cyrus", nickname: "Cy" }]);
    for (const student of [ada, cy]) {
      const { areas } = await student.rpc.inbox.changes.query({ since: null });
      expect(areas.map(({ area }) => area)).toContain("contacts");
    }
    // The contact can be changed by its own id and by the student's id.
    await ada.rpc.contacts.update.mutate({ userId: id, nickname: "C" });
    await ada.rpc.contacts.update.mutate({ userId: cy.id, favourite: true });
    expect(await list(ada)).toMatchObject([{ id, nickname: "C", favourite: true }]);
    const room = await ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [cy.id] });
    expect(room.members.map(({ userId }) => userId)).toContain(cy.id);
  });

  test("shows both students to each other when they add the numbers at the same moment", async () => {
    const { ada, bo } = await createScene(dialect);

    await Promise.all([addNumber(ada, bo.phone), addNumber(bo, ada.phone)]);

    expect([await contactUserIds(ada), await contactUserIds(bo)]).toEqual([[bo.id], [ada.id]]);
  });

  test("names its student to everybody while the student is findable, even to those who added it before", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const [cy, di] = [await createStudent(world), await createStudent(world)];
    await addNumber(ada, bo.phone);

    await setFindable(bo, true);
    const found = await addNumber(cy, bo.phone);
    await setFindable(bo, false);
    const hidden = await addNumber(di, bo.phone);

    expect([found.userId, hidden.userId]).toEqual([bo.id, null]);
    // Contacts that were shown stay shown.
    expect([await contactUserIds(ada), await contactUserIds(cy), await contactUserIds(di)]).toEqual([
      [bo.id],
      [bo.id],
      [null],
    ]);
    // A findable student is not told who has added the number.
    expect(await list(bo)).toEqual([]);
  });

  test("stays shown to one student when the other removes theirs", async () => {
    const { ada, bo } = await createScene(dialect);
    await addNumber(ada, bo.phone);
    const { id } = await addNumber(bo, ada.phone);

    expect(await bo.rpc.contacts.remove.mutate({ userId: id })).toEqual({ id, userId: ada.id });

    expect([await contactUserIds(ada), await list(bo)]).toEqual([[bo.id], []]);
    expect(await contactUserIds(ada)).toEqual([bo.id]);
  });

  test("stays hidden from a student whom its owner has blocked, until the block ends", async () => {
    const { ada, bo } = await createScene(dialect);
    await bo.rpc.profile.update.mutate({ name: "Bo" });
    await setFindable(bo, true);
    await bo.blocks(ada);

    expect(await addNumber(ada, bo.phone)).toMatchObject({ userId: null });
    // The blocker may see the blocked student, who has added the blocker's number and has not blocked back.
    expect(await addNumber(bo, ada.phone)).toMatchObject({ userId: ada.id, blocked: true });
    expect(await contactUserIds(ada)).toEqual([null]);
    await bo.rpc.contacts.update.mutate({ userId: ada.id, blocked: false });

    expect(await list(ada)).toMatchObject([{ userId: bo.id, name: "Bo" }]);
    await bo.blocks(ada);
    expect(await list(ada)).toMatchObject([{ userId: bo.id, name: null }]);
  });

  test("merges with the contact by user id once the student is known, and keeps both ids", async () => {
    const { ada, bo } = await createScene(dialect);
    await ada.rpc.contacts.add.mutate({ userId: bo.id, nickname: "Bobo" });
    const { id } = await addNumber(ada, bo.phone, "Office");
    expect(await list(ada)).toHaveLength(2);

    await setFindable(bo, true);

    expect(await list(ada)).toMatchObject([{ id: bo.id, userId: bo.id, phone: bo.phone, nickname: "Bobo" }]);
    await ada.rpc.contacts.update.mutate({ userId: id, favourite: true });
    expect(await list(ada)).toMatchObject([{ id: bo.id, favourite: true }]);
    await ada.rpc.contacts.remove.mutate({ userId: id });
    expect(await list(ada)).toEqual([]);
  });

  test("hides the new owner of a number that has changed hands, until it is added again", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const cy = await createStudent(world);
    const { id } = await addNumber(ada, bo.phone, "Bo");
    const unseen = await addNumber(cy, bo.phone, "Bo");
    await addNumber(bo, ada.phone);
    expect(await contactUserIds(ada)).toEqual([bo.id]);
    await ada.rpc.contacts.update.mutate({ userId: id, nickname: "Bobo" });

    await world.admin.admin.users.erase.mutate({ userId: bo.id, reason: "asked" });
    await expect
      .poll(() => world.admin.admin.users.erasure.query({ userId: bo.id }), { timeout: 20_000 })
      .toMatchObject({ state: "scrubbed" });
    expect(await list(ada)).toMatchObject([{ id, userId: null, phone: bo.phone, nickname: "Bobo" }]);
    const next = await createStudent(world, { phone: bo.phone });
    await setFindable(next, true);
    await addNumber(next, ada.phone);

    expect([await contactUserIds(ada), await contactUserIds(cy)]).toEqual([[null], [null]]);
    expect(await addNumber(ada, bo.phone)).toMatchObject({ id, userId: next.id, nickname: "Bobo" });
    expect(await addNumber(cy, bo.phone)).toMatchObject({ id: unseen.id, userId: next.id });
  });

  test("accepts the usual spellings of a number, and lists it once", async () => {
    const { world } = await createScene(dialect);
    const ada = await createStudent(world, { phone: "+447400000001" });
    const ids = new Set<string>();

    for (const phone of ["+44 7400 123456", "07400 123456", "0044 (0)7400-123456", " 07400.123.456 "]) {
      ids.add((await addNumber(ada, phone)).id);
    }

    expect(ids.size).toBe(1);
    expect(await list(ada)).toMatchObject([{ phone: "+447400123456" }]);
    for (const phone of ["", "12", "call me", "+44 20 7946 0958", "+999 123456789", "\0", "9".repeat(500)]) {
      await expectRefusal(addNumber(ada, phone), "phone/invalid");
    }
    await expectRefusal(addNumber(ada, "07400 000001"), "input/invalid");
  });

  test("takes its command's id, is added once per command, and shares the list's pages with other contacts", async () => {
    const { world, ada, bo } = await createScene(dialect);
    await ada.knows(bo);
    await ada.knows(await createStudent(world));
    const commandId = uuidv7();
    const command = { phone: somePhone(), nickname: "Mum", commandId };

    const first = await ada.rpc.contacts.add.mutate(command);
    expect(await ada.rpc.contacts.add.mutate(command)).toEqual(first);
    expect(first.id).toBe(commandId);
    await addNumber(ada, somePhone());

    const all = await list(ada);
    const firstPage = await ada.rpc.contacts.list.query({ limit: 3 });
    const secondPage = await ada.rpc.contacts.list.query({ limit: 3, cursor: firstPage.nextCursor });
    expect(all).toHaveLength(4);
    expect([...firstPage.items, ...secondPage.items]).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted());
    await expectRefusal(bo.rpc.contacts.update.mutate({ userId: first.id, favourite: true }), "not-found");
    await expectRefusal(bo.rpc.contacts.remove.mutate({ userId: first.id }), "not-found");
  });

  test("counts against a limit per student, and against a limit of additions per hour", async () => {
    const limits = { contactNumbers: 3, contactNumberBurst: 4, contactNumbersPerDay: 24 };
    const { world, ada } = await createScene(dialect, { limits });
    const phones = Array.from({ length: 5 }, () => somePhone());
    for (const phone of phones.slice(0, 3)) await addNumber(ada, phone);

    await expectRefusal(addNumber(ada, phones[3] ?? ""), "limit/reached", { limit: "contactNumbers" });
    await addNumber(ada, phones[0] ?? "");
    await expectRefusal(addNumber(ada, phones[0] ?? ""), "rate/limited", { retryAfterSeconds: 3600 });
    // Removing a contact does not give the rate back.
    const [first] = await list(ada);
    await ada.rpc.contacts.remove.mutate({ userId: first?.id ?? "" });
    await expectRefusal(addNumber(ada, phones[3] ?? ""), "rate/limited");
    world.clock.advance({ hours: 1 });
    await addNumber(ada, phones[3] ?? "");
    await expectRefusal(addNumber(ada, phones[4] ?? ""), "rate/limited");
  });
});

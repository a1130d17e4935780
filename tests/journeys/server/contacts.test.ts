import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent } from "../../support/students/student.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  return { world, ada: await createStudent(world), bo: await createStudent(world) };
};

describe.each(DIALECTS)("a contact, on %s", (dialect) => {
  test("can be added, changed and removed, and stays invisible to everybody else", async () => {
    const { ada, bo } = await createScene(dialect);
    const { contacts } = ada.rpc;

    expect(await contacts.add.mutate({ userId: bo.id, nickname: " Bobo " })).toMatchObject({
      id: bo.id,
      nickname: "Bobo",
      favourite: false,
      blocked: false,
    });
    await contacts.update.mutate({ userId: bo.id, favourite: true });
    const { items } = await contacts.list.query();
    await contacts.update.mutate({ userId: bo.id, nickname: null });
    const renamed = await contacts.list.query();

    expect(items).toMatchObject([{ id: bo.id, nickname: "Bobo", favourite: true }]);
    expect(renamed.items).toMatchObject([{ nickname: null, favourite: true }]);
    expect((await bo.rpc.contacts.list.query()).items).toEqual([]);
    expect(await contacts.remove.mutate({ userId: bo.id })).toEqual({ id: bo.id, userId: bo.id });
    expect((await contacts.list.query()).items).toEqual([]);
  });

  test("keeps its nickname and its block when it is added again", async () => {
    const { ada, bo } = await createScene(dialect);
    await ada.rpc.contacts.add.mutate({ userId: bo.id, nickname: "Bobo" });
    await ada.blocks(bo);

    expect(await ada.rpc.contacts.add.mutate({ userId: bo.id })).toMatchObject({
      nickname: "Bobo",
      blocked: true,
    });
  });

  test("appears when a stranger is blocked, but not by any other change", async () => {
    const { ada, bo } = await createScene(dialect);

    await expectRefusal(ada.rpc.contacts.update.mutate({ userId: bo.id, favourite: true }), "not-found");
    await expectRefusal(ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: false }), "not-found");
    expect(await ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: true })).toMatchObject({
      blocked: true,
    });
  });

  test("cannot be made of an unknown id or of the student's own id", async () => {
    const { ada } = await createScene(dialect);
    const { contacts } = ada.rpc;

    for (const userId of [uuidv7(), "", "not an id", "'; drop table contacts"]) {
      await expectRefusal(contacts.add.mutate({ userId }), "not-found");
      await expectRefusal(contacts.update.mutate({ userId, blocked: true }), "not-found");
      await expectRefusal(contacts.remove.mutate({ userId }), "not-found");
    }
    await expectRefusal(contacts.add.mutate({ userId: "\0" }), "input/invalid");
    await expectRefusal(contacts.add.mutate({ userId: ada.id }), "input/invalid");
    await expectRefusal(contacts.update.mutate({ userId: ada.id, blocked: true }), "input/invalid");
  });

  test("has a nickname of one line and up to 100 characters", async () => {
    const { ada, bo } = await createScene(dialect);
    const addWithNickname = (nickname: string) => ada.rpc.contacts.add.mutate({ userId: bo.id, nickname });

    for (const nickname of ["", "  ", "a\nb", "\0", "\ud800", "a".repeat(101), "\u202eevil"]) {
      await expectRefusal(addWithNickname(nickname), "input/invalid");
    }
    expect(await addWithNickname("अनन्‍या 👩‍🎓")).toMatchObject({ nickname: "अनन्‍या 👩‍🎓" });
  });

  test("takes a command only once, and refuses its id for another command", async () => {
    const { ada, bo } = await createScene(dialect);
    const commandId = uuidv7();

    const add = () => ada.rpc.contacts.add.mutate({ userId: bo.id, nickname: "One", commandId });
    const first = await add();
    const repeated = await add();
    await ada.rpc.contacts.update.mutate({ userId: bo.id, nickname: "Two" });
    const later = await add();

    expect(repeated).toEqual(first);
    expect(later).toEqual({ ...first, nickname: "Two" });
    expect((await ada.rpc.contacts.list.query()).items).toEqual([later]);
    await expectRefusal(
      ada.rpc.contacts.add.mutate({ userId: bo.id, nickname: "Three", commandId }),
      "input/invalid",
    );
    await expectRefusal(ada.rpc.contacts.remove.mutate({ userId: bo.id, commandId }), "input/invalid");
  });

  test("stays removed when the command that added it is repeated, which is still answered", async () => {
    const { ada, bo } = await createScene(dialect);
    const add = { userId: bo.id, nickname: "One", commandId: uuidv7() };
    const first = await ada.rpc.contacts.add.mutate(add);
    await ada.rpc.contacts.remove.mutate({ userId: bo.id });

    const repeated = await ada.rpc.contacts.add.mutate(add);

    expect(repeated).toEqual({ ...first, nickname: null });
    expect((await ada.rpc.contacts.list.query()).items).toEqual([]);
  });

  test("takes parallel changes without losing one", async () => {
    const { ada, bo } = await createScene(dialect);
    await ada.knows(bo);

    await Promise.all([
      ada.rpc.contacts.update.mutate({ userId: bo.id, nickname: "Bobo" }),
      ada.rpc.contacts.update.mutate({ userId: bo.id, favourite: true }),
      ada.rpc.contacts.update.mutate({ userId: bo.id, blocked: true }),
    ]);

    expect((await ada.rpc.contacts.list.query()).items).toMatchObject([
      { nickname: "Bobo", favourite: true, blocked: true },
    ]);
  });

  test("appears in a list with pages", async () => {
    const { world, ada } = await createScene(dialect);
    const others = await Promise.all(Array.from({ length: 5 }, () => createStudent(world)));
    for (const other of others) await ada.knows(other);

    const firstPage = await ada.rpc.contacts.list.query({ limit: 3 });
    const secondPage = await ada.rpc.contacts.list.query({ limit: 3, cursor: firstPage.nextCursor });

    expect([...firstPage.items, ...secondPage.items].map(({ id }) => id)).toEqual(
      others.map(({ id }) => id).sort(),
    );
    expect(secondPage.nextCursor).toBeNull();
  });
});

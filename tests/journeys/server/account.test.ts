import { FRESH_SIGN_IN_MS, UNDO_DELETION_MS } from "@edvoyage/protocol";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { connectStock, until } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  await world.server.seedIfEmpty();
  const device = world.device({ name: "Ada's phone" });
  const ada = await device.signIn();
  return { world, device, ada, bo: await createStudent(world), cy: await createStudent(world) };
};

const actionsOf = async (world: World, userId: string) =>
  (await world.admin.admin.audit.list.query({ limit: 100 })).items
    .filter((entry) => entry.userId === userId)
    .map(({ action }) => action);

const erasureProgress = (world: World, userId: string) => world.admin.admin.users.erasure.query({ userId });

const untilErased = (world: World, userId: string) =>
  until(async () => {
    const state = await erasureProgress(world, userId).then(
      (progress) => progress.state,
      () => "not begun",
    );
    return state === "scrubbed";
  });

describe.each(DIALECTS)("an account, on %s", (dialect) => {
  test("exports everything that belongs to the student and nothing else", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
    const { rpc, user } = ada;
    const course = (await rpc.courses.list.query({ limit: 1 })).items[0];
    await rpc.profile.update.mutate({ name: "Ada", bio: "From Lagos", dateOfBirth: "2004-02-29" });
    await bo.rpc.profile.update.mutate({ bio: "Bo's own" });
    await rpc.contacts.add.mutate({ userId: bo.id, nickname: "Bobo" });
    await cy.rpc.contacts.add.mutate({ userId: user.id, nickname: "What Cy calls Ada" });
    await rpc.favourites.add.mutate({ kind: "course", id: course?.id ?? "" });
    const group = await openGroup(cy, [
      bo,
      { ...bo, id: user.id, knows: (other) => rpc.contacts.add.mutate({ userId: other.id }) },
    ]);
    const leftRoomId = await openDirect(bo, { ...bo, id: user.id });
    const { messageId } = await rpc.chat.send.mutate({ roomId: group, text: "Hello", commandId: uuidv7() });
    const removed = await rpc.chat.send.mutate({ roomId: group, text: "Taken back", commandId: uuidv7() });
    await rpc.chat.remove.mutate({ roomId: group, messageId: removed.messageId });
    await rpc.chat.edit.mutate({ roomId: group, messageId, text: "Hello all" });
    await rpc.chat.send.mutate({ roomId: leftRoomId, text: "In a room that Ada left", commandId: uuidv7() });
    await rpc.chat.rooms.leave.mutate({ roomId: leftRoomId });
    await bo.send(group, "Bo's message");

    const exported = await rpc.account.export.query();

    expect(exported.user).toEqual({ id: user.id, phone: user.phone, createdAt: user.createdAt });
    expect(exported).toMatchObject({
      profile: { name: "Ada", bio: "From Lagos", phone: user.phone, dateOfBirth: "2004-02-29" },
      sessions: [{ deviceName: "Ada's phone" }],
      document: { favourites: { [`course:${course?.id}`]: { addedAt: expect.any(Number) } } },
      invitations: [],
    });
    const text = JSON.stringify(exported);
    for (const ownText of ["Bobo", "Hello all", "In a room that Ada left"]) expect(text).toContain(ownText);
    for (const foreignText of [
      "Bo's own",
      "Bo's message",
      "What Cy calls Ada",
      "Taken back",
      ada.token,
      bo.phone,
    ]) {
      expect(text).not.toContain(foreignText);
    }
    expect(exported["rooms"]).toHaveLength(2);
    expect(await actionsOf(world, user.id)).toContain("account.exported");
  });

  test("needs a fresh sign-in to be deleted, and loses all sessions and sockets at once", async () => {
    const { world, device, ada } = await createScene(dialect);
    const laptop = await world.device({ phone: device.phone }).signIn();
    world.clock.advance({ ms: FRESH_SIGN_IN_MS + 1 });
    await expectRefusal(ada.rpc.account.delete.mutate(), "session/not-fresh");
    const fresh = await device.signIn();
    const screen = connectStock({ url: world.url, token: laptop.token }, `user/${fresh.user.id}`);
    await screen.synced();

    const { eraseAt } = await fresh.rpc.account.delete.mutate();

    expect(eraseAt).toBe(world.clock.now() + UNDO_DELETION_MS);
    expect(await screen.closed()).toBe(4401);
    for (const { rpc } of [fresh, laptop])
      await expectRefusal(rpc.sessions.validate.query(), "session/revoked");
    expect(await actionsOf(world, fresh.user.id)).toContain("account.deletion-requested");
  });

  test("returns after a sign-in within seven days, which reports it; until then it is hidden from others", async () => {
    const { world, device, ada, bo } = await createScene(dialect);
    await ada.rpc.profile.update.mutate({ name: "Ada" });
    await ada.rpc.account.delete.mutate();
    await expectRefusal(bo.rpc.profile.of.query({ userId: ada.user.id }), "not-found");
    world.clock.advance({ days: 6, hours: 23 });

    const commandId = uuidv7();
    await device.requestCode();
    const back = await device.verify({ commandId });
    const repeated = await device.verify({ commandId });
    world.clock.advance({ days: 2 });
    const later = await device.signIn();

    expect(back).toMatchObject({ isNewUser: false, user: { id: ada.user.id, deletionUndone: true } });
    expect(repeated).toEqual(back);
    expect(later.user).toMatchObject({ id: ada.user.id, deletionUndone: false });
    expect(await later.rpc.profile.get.query()).toMatchObject({ name: "Ada" });
    expect(await actionsOf(world, ada.user.id)).toContain("account.deletion-undone");
    await expectRefusal(erasureProgress(world, ada.user.id), "not-found");
  });

  test("leaves only ids behind seven days after its deletion, and frees its number for a new student", async () => {
    const { world, device, ada, bo, cy } = await createScene(dialect);
    const { rpc, user } = ada;
    const wrongDevice = world.device({ phone: device.phone });
    await wrongDevice.requestCode();
    await wrongDevice.verify({ code: wrongDevice.wrongCode() }).catch(() => {});
    await rpc.profile.update.mutate({ name: "Ada", bio: "Secret bio" });
    await rpc.contacts.add.mutate({ userId: bo.id });
    await bo.rpc.contacts.add.mutate({ userId: user.id });
    const created = await rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [], name: "Mine alone" });
    await rpc.chat.send.mutate({ roomId: created.id, text: "Nobody hears", commandId: uuidv7() });
    await rpc.account.delete.mutate();

    world.clock.advance({ days: 7, hours: 1 });
    await untilErased(world, user.id);

    const auditRows = await rowsOf(world.databaseUrl, "select * from audit_log where phone is not null");
    expect(JSON.stringify(auditRows)).not.toContain(user.phone.slice(1));
    expect(auditRows.filter((row) => Object.values(row as object).includes("127.0.0.1"))).toEqual([]);
    for (const table of [
      "users",
      "profiles",
      "rooms",
      "logs",
      "contacts",
      "sends",
      "phone_devices",
      "wrong_codes",
    ]) {
      const rows = JSON.stringify(await rowsOf(world.databaseUrl, `select * from ${table}`));
      expect(rows, table).not.toContain(user.id);
      expect(rows, table).not.toContain(user.phone);
    }
    expect(await rowsOf(world.databaseUrl, "select id from logs")).toEqual([]);
    expect(await rowsOf(world.databaseUrl, "select id from log_entries")).toEqual([]);
    expect((await actionsOf(world, user.id))[0]).toBe("account.erased");
    const newOwner = await device.signIn();
    expect(newOwner).toMatchObject({ isNewUser: true, user: { deletionUndone: false } });
    expect(newOwner.user.id).not.toBe(user.id);
    expect(cy.id).not.toBe(newOwner.user.id);
  });

  test("disappears at once when an admin erases it: readers drop its messages, and its room goes to the heir", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
    const { rpc, user } = ada;
    await rpc.profile.update.mutate({ name: "Ada" });
    for (const friend of [bo, cy]) await friend.rpc.contacts.add.mutate({ userId: user.id });
    const { id: roomId } = await rpc.chat.rooms.create.mutate({
      kind: "group",
      memberIds: [bo.id, cy.id],
      name: "Ours",
    });
    const direct = await openDirect(bo, { ...bo, id: user.id });
    const { messageId } = await rpc.chat.send.mutate({ roomId, text: "Ada's secret", commandId: uuidv7() });
    await rpc.chat.edit.mutate({ roomId, messageId, text: "Ada's edit" });
    const answer = await bo.send(roomId, "Bo answers", messageId);
    await rpc.chat.react.mutate({ roomId, messageId: answer.messageId, emoji: "👍" });
    await rpc.chat.send.mutate({ roomId: direct, text: "To Bo alone", commandId: uuidv7() });
    const screen = connectStock({ url: world.url, token: bo.token }, `room/${roomId}/0`);
    await screen.synced();
    expect(screen.texts()).toEqual(["Ada's secret", "Bo answers"]);

    await world.admin.admin.users.erase.mutate({ userId: user.id, reason: "asked in writing" });
    await untilErased(world, user.id);

    await until(() => screen.texts().length === 1);
    expect(screen.events().map(([, kind]) => kind)).toEqual([
      "joined",
      "joined",
      "joined",
      "message",
      "left",
    ]);
    expect(await bo.texts(roomId)).toEqual([null, "Bo answers"]);
    expect(await bo.texts(direct)).toEqual([null]);
    const room = await bo.rpc.chat.rooms.get.query({ roomId });
    expect(room.members).toMatchObject([
      { userId: bo.id, role: "owner" },
      { userId: cy.id, role: "member" },
    ]);
    expect(room.memberCount).toBe(2);
    expect((await bo.rpc.contacts.list.query()).items).toEqual([]);
    await expectRefusal(rpc.sessions.validate.query(), "session/unknown");
    await expectRefusal(
      bo.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [user.id] }),
      "not-found",
    );
    await expectRefusal(world.admin.admin.users.show.query({ userId: user.id }), "not-found");
    const audit = (await world.admin.admin.audit.list.query({ limit: 100 })).items;
    const ofUser = audit.filter((entry) => entry.userId === user.id);
    expect(new Set(ofUser.map(({ phone }) => phone))).toEqual(new Set([`+91••••••${user.phone.slice(-4)}`]));
    expect(audit).toContainEqual(
      expect.objectContaining({
        action: "account.erasure-begun",
        actor: "admin",
        reason: "asked in writing",
      }),
    );
    expect(audit).toContainEqual(
      expect.objectContaining({
        action: "account.erased",
        userId: user.id,
        phone: expect.stringMatching(/^\+91•+\d{4}$/u),
        reason: expect.stringContaining("memberships: 2"),
      }),
    );
  });

  test("appears to admins in lists, on its own and as an export, with a masked number unless they ask for it", async () => {
    const { world, ada, bo } = await createScene(dialect);
    await ada.rpc.profile.update.mutate({ name: "Ada", homeCountry: "NG" });
    await ada.rpc.account.delete.mutate();
    const { users } = world.admin.admin;

    const { items } = await users.list.query({ limit: 2 });
    const deleted = await users.list.query({ onlyDeleted: true });
    const shown = await users.show.query({ phone: ada.user.phone, showPhones: true });

    expect(items).toHaveLength(2);
    expect(JSON.stringify(items)).not.toContain(bo.phone.slice(1));
    expect(deleted.items).toMatchObject([
      { id: ada.user.id, name: "Ada", homeCountry: "NG", state: "deleted" },
    ]);
    expect(shown).toMatchObject({ id: ada.user.id, phone: ada.user.phone });
    expect(await users.export.query({ userId: bo.id })).toMatchObject({ user: { phone: bo.phone } });
    await expectRefusal(users.erase.mutate({ userId: uuidv7() }), "not-found");
    await expectRefusal(users.export.query({ userId: uuidv7() }), "not-found");
  });
});

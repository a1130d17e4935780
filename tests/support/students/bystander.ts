import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { YKeyValue } from "y-utility/y-keyvalue";
import { someCourses } from "./application.ts";
import { createStudent } from "./student.ts";
import { connectStock, until } from "../network/sync-client.ts";
import { somePhone, type World } from "../servers/world.ts";

/** A student with one thing of every kind. Requests of other students must not change any of it. */
export interface Bystander {
  readonly name: string;
  readonly userId: string;
  /** Whether the bystander has blocked the caller. */
  readonly isBlocking: boolean;
  /** One id of each kind that belongs to the bystander. */
  readonly ids: Readonly<Record<string, string>>;
  /**
   * Values that no other student may read: phone number, session key, private texts, and texts in the bystander's room.
   */
  readonly secrets: readonly string[];
  /** Values that everybody may read except students whom the bystander has blocked. */
  readonly shown: readonly string[];
  /** Returns the account export of the bystander as one text. */
  export(): Promise<string>;
}

/** Signs the bystander in and creates one thing of every kind. `blocks`: the id of a student to block. */
export const createBystander = async (
  world: World,
  { name, blocks }: { readonly name: string; readonly blocks?: string },
): Promise<Bystander> => {
  const mark = (kind: string): string => `${kind}-${randomBytes(9).toString("hex")}`;
  const secret = {
    birthday: "2003-04-05",
    nickname: mark("nickname"),
    room: mark("room"),
    message: mark("message"),
    setting: mark("setting"),
    statement: mark("statement"),
    notes: mark("notes"),
    document: mark("document"),
    email: `${mark("mail")}@example.org`,
    number: somePhone(),
    pushToken: `ExponentPushToken[${mark("token")}]`,
  };
  const shown = { name: mark("name"), bio: mark("bio"), post: mark("post"), comment: mark("comment") };
  const device = world.device();
  const { user, token, session, rpc } = await device.signIn();
  const [friend, stranger] = [await createStudent(world), await createStudent(world)];

  await rpc.profile.update.mutate({ name: shown.name, bio: shown.bio, dateOfBirth: secret.birthday });
  await rpc.contacts.add.mutate({ userId: friend.id, nickname: secret.nickname });
  const number = await rpc.contacts.add.mutate({ phone: secret.number, nickname: secret.nickname });
  await friend.rpc.contacts.add.mutate({ userId: user.id });
  const room = await rpc.chat.rooms.create.mutate({
    kind: "group",
    memberIds: [friend.id],
    name: secret.room,
  });
  const invited = await stranger.rpc.chat.rooms.create.mutate({
    kind: "group",
    memberIds: [user.id],
    name: secret.room,
  });
  const commandId = uuidv7();
  const { messageId } = await rpc.chat.send.mutate({ roomId: room.id, text: secret.message, commandId });
  const { postId } = await rpc.social.post.mutate({ text: shown.post });
  const { commentId } = await rpc.social.comment.mutate({ postId, text: shown.comment });
  await friend.rpc.social.like.mutate({ postId });
  if (blocks) await rpc.contacts.update.mutate({ userId: blocks, blocked: true });
  const [notification] = (await rpc.notifications.recent.query()).items;
  const [courseId = ""] = await someCourses(world, 1);
  const { statement, notes, email: contactEmail } = secret;
  const draft = await rpc.applications.create.mutate({
    courseId,
    fields: { statement, notes, contactEmail },
  });
  const { documents } = await rpc.applications.addDocument.mutate({
    applicationId: draft.id,
    kind: "passport",
    name: secret.document,
  });
  await rpc.push.register.mutate({ provider: "expo", token: secret.pushToken });
  const screen = connectStock({ url: world.url, token }, `user/${user.id}`);
  await screen.synced();
  new YKeyValue<unknown>(screen.doc.getArray("settings")).set("theme", secret.setting);
  const exportOf = async () =>
    JSON.stringify(await world.admin.admin.users.export.query({ userId: user.id }));
  await until(async () => (await exportOf()).includes(secret.setting));
  screen.provider.destroy();
  const challenge = await world.device({ phone: user.phone }).requestCode();

  const ids = {
    user: user.id,
    session: session.id,
    device: device.deviceId,
    challenge: challenge.challengeId,
    contact: number.id,
    room: room.id,
    invitation: invited.id,
    message: messageId,
    post: postId,
    comment: commentId,
    notification: notification?.id ?? "",
    application: draft.id,
    document: documents[0]?.id ?? "",
    "nobody's": uuidv7(),
  };
  if (Object.values(ids).includes(""))
    throw new Error("Not every kind of thing was created for the bystander");
  return {
    name,
    userId: user.id,
    isBlocking: blocks !== undefined,
    ids,
    secrets: [user.phone, token, session.id, ...Object.values(secret)],
    shown: Object.values(shown),
    export: exportOf,
  };
};

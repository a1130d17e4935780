import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { YKeyValue } from "y-utility/y-keyvalue";
import { someCourses } from "./application.ts";
import { createStudent, openDirect, openGroup, type Student } from "./student.ts";
import { connectStock } from "../network/sync-client.ts";
import type { World } from "../servers/world.ts";

/** A student who has written a unique text in every place where a student can write. */
export interface MarkedStudent extends Student {
  /** The unique texts of this student, and the student's phone number. */
  readonly marks: readonly string[];
}

/** Returns a function that draws numbers below `sides`. The same seed gives the same numbers (mulberry32). */
export const createDice = (seed: number) => {
  let state = seed;
  return (sides: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
};

/** Returns text of a random length, so that rows grow and pages split. */
export const filler = (dice: (sides: number) => number, most: number): string =>
  "lorem ipsum dolor sit amet ".repeat(50).slice(0, 1 + dice(most));

/** Signs in a student who sends, edits and reacts among other students. `messages`: how many in each room. */
export const createMarkedStudent = async (
  world: World,
  others: readonly Student[],
  { dice, messages }: { readonly dice: (sides: number) => number; readonly messages: number },
): Promise<MarkedStudent> => {
  const marks: string[] = [];
  const mark = (kind: string): string => {
    const text = `${kind}-${randomBytes(9).toString("hex")}-चाय`;
    marks.push(text);
    return text;
  };
  const word = (kind: string): string => {
    const text = `${kind}-${randomBytes(9).toString("hex")}`;
    marks.push(text);
    return text;
  };
  const device = world.device({ name: mark("device") });
  const { user, token, rpc } = await device.signIn();
  marks.push(user.phone, user.phone.slice(1));
  const someone = (): Student => {
    const other = others[dice(others.length)];
    if (!other) throw new Error("There is nobody else");
    return other;
  };
  const student: Student = { ...(await createStudent(world)), id: user.id, phone: user.phone, token, rpc };

  // Three rounds: earlier values must be deleted too.
  for (const round of ["first", "second", "third"]) {
    await rpc.profile.update.mutate({
      name: mark(`${round}-name`),
      bio: `${mark(`${round}-bio`)} ${filler(dice, 1_200)}`,
      photoUrl: `https://images.example/${word(round)}.jpg`,
      institution: mark(`${round}-institution`),
      education: [{ institution: mark(`${round}-school`), degree: mark(`${round}-degree`) }],
      work: [{ employer: mark(`${round}-employer`), description: mark(`${round}-work`) }],
      dateOfBirth: "2003-04-05",
      commandId: uuidv7(),
    });
  }
  const contact = someone();
  await rpc.contacts.add.mutate({ userId: contact.id, nickname: mark("nickname"), commandId: uuidv7() });
  await contact.rpc.contacts.add.mutate({ userId: user.id, nickname: mark("note"), commandId: uuidv7() });
  const screen = connectStock({ url: world.url, token }, `user/${user.id}`);
  await screen.synced();
  const settings = new YKeyValue<unknown>(screen.doc.getArray("settings"));
  for (let i = 0; i < 20; i += 1) settings.set(`${mark("key")}`, mark("setting"));

  const ownRoom = await rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [], name: mark("room") });
  const rooms = [
    ownRoom.id,
    await openGroup(contact, [
      { ...student, knows: (other) => rpc.contacts.add.mutate({ userId: other.id }) },
    ]),
    await openDirect(someone(), student),
  ];
  for (const roomId of rooms) {
    for (let i = 0; i < messages; i += 1) {
      const text = `${mark("message")} ${filler(dice, 300)}`;
      const { messageId } = await rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() });
      if (dice(3) === 0)
        await rpc.chat.edit.mutate({ roomId, messageId, text: mark("edit"), commandId: uuidv7() });
      if (dice(4) === 0) await rpc.chat.react.mutate({ roomId, messageId, emoji: "👍", commandId: uuidv7() });
    }
  }
  for (let i = 0; i < 5; i += 1) {
    const { postId } = await rpc.social.post.mutate({ text: mark("post"), commandId: uuidv7() });
    await rpc.social.editPost.mutate({ postId, text: mark("edited-post"), commandId: uuidv7() });
    await contact.rpc.social.like.mutate({ postId, commandId: uuidv7() });
    await contact.rpc.social.comment.mutate({
      postId,
      text: mark("comment-by-contact"),
      commandId: uuidv7(),
    });
    const theirs = await contact.rpc.social.post.mutate({ text: "Theirs", commandId: uuidv7() });
    await rpc.social.like.mutate({ postId: theirs.postId, commandId: uuidv7() });
    await rpc.social.comment.mutate({ postId: theirs.postId, text: mark("comment"), commandId: uuidv7() });
    await rpc.social.report.mutate({
      postId: theirs.postId,
      reason: mark("report"),
      commandId: uuidv7(),
    });
  }
  for (const courseId of await someCourses(world, 3)) {
    const statement = mark("statement");
    const { id: applicationId } = await rpc.applications.create.mutate({
      courseId,
      fields: {
        statement,
        notes: mark("notes"),
        contactEmail: `${word("mail")}@example.org`,
      },
      commandId: uuidv7(),
    });
    await rpc.applications.update.mutate({
      applicationId,
      changes: { statement: `${mark("better-statement")} ${filler(dice, 900)}` },
      base: { statement },
      commandId: uuidv7(),
    });
    await rpc.applications.addDocument.mutate({
      applicationId,
      kind: "passport",
      name: mark("document"),
      commandId: uuidv7(),
    });
    await rpc.applications.withdraw.mutate({ applicationId, note: mark("withdrawal"), commandId: uuidv7() });
  }
  await rpc.social.follow.mutate({ userId: contact.id, commandId: uuidv7() });
  await contact.rpc.social.follow.mutate({ userId: user.id, commandId: uuidv7() });
  screen.provider.destroy();
  return { ...student, marks };
};

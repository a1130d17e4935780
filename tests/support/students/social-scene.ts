import { v7 as uuidv7 } from "uuid";
import type { TestDialect } from "../databases/databases.ts";
import { createStudent, type Student } from "./student.ts";
import { createWorld } from "../servers/world.ts";

/** Creates a world with three students. */
export const createSocialScene = async (dialect: TestDialect, limits: Record<string, number> = {}) => {
  const world = await createWorld({ dialect, limits });
  return {
    world,
    ada: await createStudent(world),
    bo: await createStudent(world),
    cy: await createStudent(world),
  };
};

/** Posts a text. Returns the id of the post. */
export const post = async (author: Student, text: string): Promise<string> =>
  (await author.rpc.social.post.mutate({ text, commandId: uuidv7() })).postId;

/** Lets one student follow another. */
export const follow = (follower: Student, followee: Student) =>
  follower.rpc.social.follow.mutate({ userId: followee.id });

/** Returns the texts of a feed, newest first. */
export const feedOf = async (reader: Student): Promise<(string | null)[]> =>
  (await reader.rpc.social.feed.query({ limit: 100 })).items.map(({ text }) => text);

/** Returns the kinds of a student's notifications and who caused them. */
export const notificationsOf = async (student: Student): Promise<string[]> =>
  (await student.rpc.notifications.recent.query()).items.map(
    ({ kind, actor }) => `${kind} by ${actor?.id ?? "nobody"}`,
  );

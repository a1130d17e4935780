import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { expectRefusal, joinWorld } from "../../support/servers/world.ts";
import { createSocialScene, post, follow, notificationsOf } from "../../support/students/social-scene.ts";

describe.each(DIALECTS)("the social features around a post, on %s", (dialect) => {
  test("list comments with their replies, oldest first, and remove replies with their comment", async () => {
    const { ada, bo, cy } = await createSocialScene(dialect);
    const postId = await post(ada, "Hello");
    const say = async (student: Student, text: string, parentId?: string) =>
      (await student.rpc.social.comment.mutate({ postId, text, ...(parentId ? { parentId } : {}) }))
        .commentId;
    const first = await say(bo, "first");
    const reply = await say(cy, "reply", first);
    // A reply to a reply joins its thread.
    await say(ada, "deeper", reply);
    await say(cy, "second");

    const { comments } = ada.rpc.social;
    const firstPage = await comments.query({ postId, limit: 1 });
    const secondPage = await comments.query({ postId, limit: 1, cursor: firstPage.nextCursor });
    const thread = await comments.query({ postId, parentId: first });

    expect([...firstPage.items, ...secondPage.items]).toMatchObject([
      { text: "first", author: { id: bo.id }, parentId: null, replyCount: 2 },
      { text: "second", replyCount: 0 },
    ]);
    expect(secondPage.nextCursor).toBeNull();
    expect(thread.items).toMatchObject([
      { text: "reply", parentId: first },
      { text: "deeper", parentId: first },
    ]);
    expect(await ada.rpc.social.get.query({ postId })).toMatchObject({ commentCount: 4 });
    expect(await bo.rpc.social.getComment.query({ commentId: reply })).toMatchObject({
      postId,
      text: "reply",
    });

    // Bo may not remove a comment of another student on a third one's post; the author of the post may.
    await expectRefusal(bo.rpc.social.removeComment.mutate({ commentId: reply }), "forbidden");
    await ada.rpc.social.removeComment.mutate({ commentId: first });
    expect((await comments.query({ postId })).items).toMatchObject([{ text: "second" }]);
    expect(await ada.rpc.social.get.query({ postId })).toMatchObject({ commentCount: 1 });
    await expectRefusal(ada.rpc.social.getComment.query({ commentId: reply }), "not-found");
    await expectRefusal(comments.query({ postId, parentId: first }), "not-found");
    const elsewhere = await post(ada, "Elsewhere");
    const [left] = (await comments.query({ postId })).items;
    await expectRefusal(
      ada.rpc.social.comment.mutate({ postId: elsewhere, parentId: left?.id ?? "", text: "x" }),
      "not-found",
    );
  });

  test("store a comment once, however often it arrives, and refuse its id for others", async () => {
    const { ada, bo } = await createSocialScene(dialect, { commentCharacters: 10 });
    const postId = await post(ada, "Hello");
    const commandId = uuidv7();
    const say = (student: Student, text: string) =>
      student.rpc.social.comment.mutate({ postId, text, commandId });

    await Promise.all([say(bo, "Hi"), say(bo, "Hi"), say(bo, "Hi")]);

    expect(await bo.rpc.social.get.query({ postId })).toMatchObject({ commentCount: 1 });
    await expectRefusal(say(ada, "Mine"), "input/invalid");
    await expectRefusal(bo.rpc.social.comment.mutate({ postId, text: "a".repeat(11) }), "limit/reached", {
      limit: "commentCharacters",
    });
  });

  test("notify authors, answered and mentioned students, and withdraw the notification of a withdrawn like", async () => {
    const { ada, bo, cy } = await createSocialScene(dialect);
    const { postId } = await ada.rpc.social.post.mutate({
      text: "Hello",
      mentions: [cy.id, cy.id, uuidv7()],
    });
    await bo.rpc.social.like.mutate({ postId });
    await bo.rpc.social.like.mutate({ postId });
    const { commentId } = await bo.rpc.social.comment.mutate({ postId, text: "Nice", mentions: [ada.id] });
    await cy.rpc.social.comment.mutate({ postId, parentId: commentId, text: "Yes" });
    await follow(cy, bo);

    expect(await notificationsOf(ada)).toEqual([
      `commented by ${cy.id}`,
      `mentioned by ${bo.id}`,
      `liked by ${bo.id}`,
    ]);
    expect(await notificationsOf(bo)).toEqual([`followed by ${cy.id}`, `commented by ${cy.id}`]);
    expect(await notificationsOf(cy)).toEqual([`mentioned by ${ada.id}`]);
    expect(await bo.rpc.social.get.query({ postId })).toMatchObject({ mentions: [{ id: cy.id }] });

    await bo.rpc.social.unlike.mutate({ postId });
    await cy.rpc.social.unfollow.mutate({ userId: bo.id });
    expect(await notificationsOf(ada)).toEqual([`commented by ${cy.id}`, `mentioned by ${bo.id}`]);
    expect(await notificationsOf(bo)).toEqual([`commented by ${cy.id}`]);
    await bo.rpc.social.removeComment.mutate({ commentId });
    expect(await notificationsOf(ada)).toEqual([`commented by ${cy.id}`]);
    await ada.rpc.social.removePost.mutate({ postId });
    expect(await notificationsOf(cy)).toEqual([]);
  });

  test("replace mentions with an edit, and refuse too many", async () => {
    const { ada, bo, cy } = await createSocialScene(dialect, { mentions: 2 });
    const { postId } = await ada.rpc.social.post.mutate({ text: "Hello", mentions: [cy.id, bo.id] });

    const before = await ada.rpc.social.get.query({ postId });
    await ada.rpc.social.editPost.mutate({ postId, mentions: [bo.id] });
    await ada.rpc.social.editPost.mutate({ postId, text: "Hi" });

    expect(before.mentions.map(({ id }) => id)).toEqual([cy.id, bo.id]);
    expect((await ada.rpc.social.get.query({ postId })).mentions.map(({ id }) => id)).toEqual([bo.id]);
    expect(await notificationsOf(bo)).toEqual([`mentioned by ${ada.id}`]);
    await expectRefusal(
      ada.rpc.social.editPost.mutate({ postId, mentions: [ada.id, bo.id, cy.id] }),
      "limit/reached",
      { limit: "mentions" },
    );
  });

  test("limit the rate of posts, comments, likes and reports, each with its own burst", async () => {
    const { world, ada, bo } = await createSocialScene(dialect, {
      postBurst: 2,
      commentBurst: 1,
      reactionBurst: 1,
      reportBurst: 1,
    });
    const [one, two] = [await post(ada, "1"), await post(ada, "2")];
    const { social } = bo.rpc;
    await social.comment.mutate({ postId: one, text: "x" });
    await social.like.mutate({ postId: one });
    await social.report.mutate({ postId: one, reason: "x" });

    await expectRefusal(post(ada, "3"), "rate/limited", { retryAfterSeconds: 60 });
    await expectRefusal(social.comment.mutate({ postId: one, text: "y" }), "rate/limited");
    await expectRefusal(social.like.mutate({ postId: two }), "rate/limited");
    await expectRefusal(social.report.mutate({ postId: two, reason: "x" }), "rate/limited");
    world.clock.advance({ minutes: 1 });
    await post(ada, "3");
    await social.like.mutate({ postId: two });
  });

  test("keep counts equal to the rows after concurrent likes, comments and follows", async () => {
    const { world, ada } = await createSocialScene(dialect, { callsPerMinutePerIp: 1_000_000 });
    // On PostgreSQL this uses two servers.
    const other = dialect === "postgres" ? await joinWorld(world) : world;
    const students = await Promise.all(Array.from({ length: 50 }, () => createStudent(world)));
    const postId = await post(ada, "Popular");

    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const student = students[index % students.length];
        if (!student) return;
        const { social } = index % 2 ? student.rpc : other.rpc({ token: student.token });
        const round = Math.floor(index / students.length);
        // Some students like, some withdraw the like, some do both at once from two devices.
        await ((index + round) % 3 === 0 ? social.unlike.mutate({ postId }) : social.like.mutate({ postId }));
        const next = students[(index + 1) % students.length];
        if (next && round < 2) await social.follow.mutate({ userId: next.id });
        if (next && round === 2) await next.rpc.social.follow.mutate({ userId: student.id });
        if (round === 3) await social.comment.mutate({ postId, text: "Hi" });
      }),
    );

    const counted = await ada.rpc.social.get.query({ postId });
    const [likes] = await rowsOf(world.databaseUrl, "select count(*) as n from likes");
    const [comments] = await rowsOf(world.databaseUrl, "select count(*) as n from comments");
    expect({ n: counted.likeCount }).toEqual(numberOf(likes));
    expect({ n: counted.commentCount }).toEqual(numberOf(comments));
    const mismatches = await rowsOf(
      world.databaseUrl,
      `select * from social_counts where
         posts <> (select count(*) from posts where author_id = social_counts.user_id) or
         followers <> (select count(*) from follows where followee_id = social_counts.user_id) or
         following <> (select count(*) from follows where follower_id = social_counts.user_id)`,
    );
    expect(mismatches).toEqual([]);
    expect(await rowsOf(world.databaseUrl, "select * from social_counts")).toHaveLength(51);
  });
});

const numberOf = (row: unknown): unknown => {
  const { n } = row as { n: number | string };
  return { n: Number(n) };
};

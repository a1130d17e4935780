import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf } from "../../support/databases/databases.ts";
import { until } from "../../support/network/sync-client.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createSocialScene, post, follow, feedOf } from "../../support/students/social-scene.ts";

describe.each(DIALECTS)("the social features around a post, on %s", (dialect) => {
  test("let students follow each other up to a limit, and list followers and followed students", async () => {
    const { world, ada, bo, cy } = await createSocialScene(dialect, { followed: 2 });
    const dee = await createStudent(world);
    await follow(ada, bo);
    await follow(ada, bo);
    await follow(ada, cy);
    await follow(cy, ada);
    await post(bo, "Hello");

    await expectRefusal(follow(ada, dee), "limit/reached", { limit: "followed" });
    await expectRefusal(follow(ada, ada), "input/invalid");
    for (const userId of [uuidv7(), "no id"]) {
      await expectRefusal(ada.rpc.social.follow.mutate({ userId }), "not-found");
      await expectRefusal(ada.rpc.social.unfollow.mutate({ userId }), "not-found");
      await expectRefusal(ada.rpc.social.student.query({ userId }), "not-found");
      await expectRefusal(ada.rpc.social.studentPosts.query({ userId }), "not-found");
      await expectRefusal(ada.rpc.social.followers.query({ userId }), "not-found");
    }
    const firstPage = await ada.rpc.social.following.query({ limit: 1 });
    const secondPage = await ada.rpc.social.following.query({ limit: 1, cursor: firstPage.nextCursor });

    expect([...firstPage.items, ...secondPage.items].map(({ id }) => id)).toEqual([cy.id, bo.id]);
    expect((await bo.rpc.social.followers.query()).items).toMatchObject([{ id: ada.id, followed: false }]);
    expect((await cy.rpc.social.followers.query({ userId: bo.id })).items).toMatchObject([
      { id: ada.id, followed: true },
    ]);
    expect(await ada.rpc.social.student.query({ userId: bo.id })).toMatchObject({
      id: bo.id,
      name: null,
      postCount: 1,
      followerCount: 1,
      followingCount: 0,
      followed: true,
      followsYou: false,
    });
    expect((await cy.rpc.social.studentPosts.query({ userId: bo.id })).items).toMatchObject([
      { text: "Hello" },
    ]);
  });

  test.each(["blocked by Ada", "blocking Ada"])("hide a student who is %s everywhere", async (direction) => {
    const { ada, bo, cy } = await createSocialScene(dialect);
    await follow(ada, bo);
    await follow(bo, ada);
    await follow(cy, bo);
    await follow(ada, cy);
    const postId = await post(cy, "Between");
    const { commentId } = await bo.rpc.social.comment.mutate({ postId, text: "Hidden" });
    await cy.rpc.social.comment.mutate({ postId, parentId: commentId, text: "Under it" });
    await bo.rpc.social.like.mutate({ postId });
    await cy.rpc.social.editPost.mutate({ postId, mentions: [bo.id] });
    const hidden = await post(bo, "Hidden");

    await (direction === "blocked by Ada" ? ada.blocks(bo) : bo.blocks(ada));

    const { social } = ada.rpc;
    expect(await feedOf(ada)).toEqual(["Between"]);
    expect((await social.comments.query({ postId })).items).toEqual([]);
    expect((await social.likes.query({ postId })).items).toEqual([]);
    expect((await social.get.query({ postId })).mentions).toEqual([]);
    expect((await social.followers.query()).items).toEqual([]);
    expect((await social.following.query()).items.map(({ id }) => id)).toEqual([cy.id]);
    expect((await social.followers.query({ userId: cy.id })).items.map(({ id }) => id)).toEqual([ada.id]);
    for (const call of [
      () => social.student.query({ userId: bo.id }),
      () => social.studentPosts.query({ userId: bo.id }),
      () => social.following.query({ userId: bo.id }),
      () => social.get.query({ postId: hidden }),
      () => social.getComment.query({ commentId }),
      () => social.comments.query({ postId, parentId: commentId }),
      () => social.comment.mutate({ postId, parentId: commentId, text: "x" }),
      () => social.follow.mutate({ userId: bo.id }),
      () => social.removeComment.mutate({ commentId }),
    ]) {
      await expectRefusal(call(), "not-found");
    }
    const { postId: mentioning } = await social.post.mutate({ text: "Hi", mentions: [bo.id, cy.id] });
    expect((await cy.rpc.social.get.query({ postId: mentioning })).mentions.map(({ id }) => id)).toEqual([
      cy.id,
    ]);
    // A student may still unfollow a blocked student.
    expect(await social.unfollow.mutate({ userId: bo.id })).toEqual({ userId: bo.id, followed: false });
    await expectRefusal(social.unfollow.mutate({ userId: bo.id }), "not-found");
    // For everybody else nothing has changed.
    expect((await cy.rpc.social.comments.query({ postId })).items).toMatchObject([{ text: "Hidden" }]);
  });

  test("hide a student who deletes the account at once, and later remove the student's rows and their counts", async () => {
    const { world, ada, bo, cy } = await createSocialScene(dialect);
    await follow(bo, ada);
    await follow(ada, bo);
    const [adasPost, bosPost] = [await post(ada, "Ada's words"), await post(bo, "Bo's")];
    await bo.rpc.social.like.mutate({ postId: adasPost });
    await ada.rpc.social.like.mutate({ postId: bosPost });
    await bo.rpc.social.editPost.mutate({ postId: bosPost, mentions: [ada.id] });
    const comment = { postId: bosPost, text: "Ada's comment", mentions: [cy.id] };
    const { commentId } = await ada.rpc.social.comment.mutate(comment);
    await cy.rpc.social.comment.mutate({ postId: bosPost, parentId: commentId, text: "To Ada" });
    await ada.rpc.social.report.mutate({ postId: bosPost, reason: "Ada's reason" });
    const exported = JSON.stringify(await ada.rpc.account.export.query());

    await ada.rpc.account.delete.mutate();

    for (const text of ["Ada's words", "Ada's comment", "Ada's reason"]) expect(exported).toContain(text);
    for (const text of ["Bo's", "To Ada"]) expect(exported).not.toContain(text);
    const shownTo = async ({ social }: Student["rpc"]) => ({
      feed: (await social.feed.query()).items.map(({ text }) => text),
      comments: (await social.comments.query({ postId: bosPost })).items,
      likes: (await social.likes.query({ postId: bosPost })).items,
      mentions: (await social.get.query({ postId: bosPost })).mentions,
      followers: (await social.followers.query()).items,
      following: (await social.following.query()).items,
    });
    const withoutAda = {
      feed: ["Bo's"],
      comments: [],
      likes: [],
      mentions: [],
      followers: [],
      following: [],
    };
    expect(await shownTo(bo.rpc)).toEqual(withoutAda);
    await expectRefusal(cy.rpc.social.student.query({ userId: ada.id }), "not-found");

    world.clock.advance({ days: 7, hours: 1 });
    await until(async () => (await rowsOf(world.databaseUrl, "select id from users")).length === 2);
    const { rpc } = await world.device({ phone: bo.phone }).signIn();
    expect(await shownTo(rpc)).toEqual(withoutAda);
    expect(await rpc.social.get.query({ postId: bosPost })).toMatchObject({ likeCount: 0, commentCount: 0 });
    expect(await rpc.social.student.query({ userId: bo.id })).toMatchObject({
      postCount: 1,
      followerCount: 0,
      followingCount: 0,
    });
    expect(await world.admin.admin.posts.list.query()).toMatchObject({ items: [] });
    for (const table of [
      "posts",
      "likes",
      "comments",
      "mentions",
      "follows",
      "social_counts",
      "post_reports",
    ]) {
      const rows = JSON.stringify(await rowsOf(world.databaseUrl, `select * from ${table}`));
      expect(rows, table).not.toContain(ada.id);
      expect(rows, table).not.toContain("Ada");
    }
  });

  test("show reported posts to an admin, who can remove a post for everybody", async () => {
    const { world, ada, bo, cy } = await createSocialScene(dialect);
    const { posts } = world.admin.admin;
    const [bad, worse] = [await post(ada, "bad"), await post(ada, "worse")];
    await post(ada, "good");
    await bo.rpc.social.report.mutate({ postId: worse, reason: "Spam" });
    world.clock.advance({ minutes: 1 });
    await bo.rpc.social.report.mutate({ postId: bad, reason: "Spam" });
    await bo.rpc.social.report.mutate({ postId: bad, reason: "Again" });
    await cy.rpc.social.report.mutate({ postId: bad, reason: "Rude" });

    const firstPage = await posts.list.query({ limit: 1 });
    const secondPage = await posts.list.query({ limit: 1, cursor: firstPage.nextCursor });
    expect([...firstPage.items, ...secondPage.items]).toMatchObject([
      { id: bad, reportCount: 2, authorId: ada.id },
      { id: worse, reportCount: 1 },
    ]);
    expect(secondPage.nextCursor).toBeNull();
    expect((await posts.list.query({ reported: false })).items.map(({ text }) => text)).toEqual([
      "good",
      "worse",
      "bad",
    ]);
    expect((await posts.show.query({ postId: bad })).reports).toMatchObject([
      { userId: bo.id, reason: "Spam" },
      { userId: cy.id, reason: "Rude" },
    ]);

    await posts.remove.mutate({ postId: bad, reason: "Against the rules" });
    await expectRefusal(posts.remove.mutate({ postId: bad, reason: "Again" }), "not-found");
    await expectRefusal(posts.show.query({ postId: bad }), "not-found");
    await expectRefusal(ada.rpc.social.get.query({ postId: bad }), "not-found");
    expect((await world.admin.admin.audit.list.query({ limit: 1 })).items).toMatchObject([
      { action: "post.removed", actor: "admin", userId: ada.id, reason: "Against the rules" },
    ]);
  });
});

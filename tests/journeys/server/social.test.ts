import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf, type TestDialect } from "../../support/databases/databases.ts";
import { until } from "../../support/network/sync-client.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { createWorld, expectRefusal, joinWorld } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect, limits: Record<string, number> = {}) => {
  const world = await createWorld({ dialect, limits });
  return {
    world,
    ada: await createStudent(world),
    bo: await createStudent(world),
    cy: await createStudent(world),
  };
};

const post = async (author: Student, text: string): Promise<string> =>
  (await author.rpc.social.post.mutate({ text, commandId: uuidv7() })).postId;

const follow = (follower: Student, followee: Student) =>
  follower.rpc.social.follow.mutate({ userId: followee.id });

const feedOf = async (reader: Student): Promise<(string | null)[]> =>
  (await reader.rpc.social.feed.query({ limit: 100 })).items.map(({ text }) => text);

const notificationsOf = async (student: Student): Promise<string[]> =>
  (await student.rpc.notifications.recent.query()).items.map(
    ({ kind, actor }) => `${kind} by ${actor?.id ?? "nobody"}`,
  );

describe.each(DIALECTS)("a Cavity post, on %s", (dialect) => {
  test("appears in the feeds of its author and the author's followers, newest first, in pages without gaps", async () => {
    const { ada, bo, cy } = await createScene(dialect);
    await follow(ada, bo);
    for (const [author, text] of [
      [bo, "1"],
      [ada, "2"],
      [cy, "not in Ada's feed"],
      [bo, "3"],
      [bo, "4"],
      [ada, "5"],
    ] as const)
      await post(author, text);

    const first = await ada.rpc.social.feed.query({ limit: 2 });
    // New posts arrive above, so the pages below do not move.
    const late = await post(bo, "6");
    await bo.rpc.social.removePost.mutate({ postId: first.items[1]?.id ?? "" });
    const second = await ada.rpc.social.feed.query({ limit: 2, cursor: first.nextCursor });
    const third = await ada.rpc.social.feed.query({ limit: 2, cursor: second.nextCursor });

    const texts = [first, second, third].flatMap(({ items }) => items.map(({ text }) => text));
    expect(texts).toEqual(["5", "4", "3", "2", "1"]);
    expect(third.nextCursor).toBeNull();
    expect(await feedOf(ada)).toEqual(["6", "5", "3", "2", "1"]);
    expect(await feedOf(cy)).toEqual(["not in Ada's feed"]);
    expect(await ada.rpc.social.get.query({ postId: late })).toMatchObject({
      id: late,
      author: { id: bo.id },
      text: "6",
      likeCount: 0,
      commentCount: 0,
      liked: false,
      editedAt: null,
    });
  });

  test("enters and leaves a feed at once when its author is followed and unfollowed, even if it is old", async () => {
    const { ada, bo } = await createScene(dialect);
    await post(bo, "old");
    await post(ada, "own");
    await post(bo, "new");

    await follow(ada, bo);
    const followed = await feedOf(ada);
    await ada.rpc.social.unfollow.mutate({ userId: bo.id });

    expect(followed).toEqual(["new", "own", "old"]);
    expect(await feedOf(ada)).toEqual(["own"]);
  });

  test("takes the place of its arrival when it was written offline days ago", async () => {
    const { world, ada, bo } = await createScene(dialect);
    await follow(ada, bo);
    const written = uuidv7({ msecs: world.clock.now() - 3 * 24 * 3_600_000 });
    await post(bo, "before");

    await bo.rpc.social.post.mutate({ text: "late", commandId: written });

    const [newest] = (await ada.rpc.social.feed.query()).items;
    expect(newest).toMatchObject({ id: written, text: "late", createdAt: world.clock.now() });
  });

  test("exists once, however often it arrives, and its id cannot be used by others", async () => {
    const { ada, bo } = await createScene(dialect);
    const commandId = uuidv7();

    const receipts = await Promise.all(
      Array.from({ length: 5 }, () => ada.rpc.social.post.mutate({ text: "Hello", commandId })),
    );

    expect(new Set(receipts.map(({ postId }) => postId))).toEqual(new Set([commandId]));
    expect(await feedOf(ada)).toEqual(["Hello"]);
    await expectRefusal(bo.rpc.social.post.mutate({ text: "Mine", commandId }), "input/invalid");
    await expectRefusal(ada.rpc.social.post.mutate({ text: "Other", commandId }), "input/invalid");
  });

  test("needs a valid text, link or image", async () => {
    const { ada } = await createScene(dialect, { postCharacters: 10 });
    const { post: publish, editPost } = ada.rpc.social;

    for (const content of [
      {},
      { text: "  " },
      { text: "a\0b" },
      { text: "\ud800" },
      { text: "\u202eevil" },
      { link: "http://example.org" },
      { link: "javascript:alert(1)" },
      { link: "https://user:secret@example.org" },
      { image: "../../etc/passwd" },
      { image: "data:image/png;base64,AA" },
      { image: "//example.org/a.png" },
    ]) {
      await expectRefusal(publish.mutate(content), "input/invalid");
    }
    await expectRefusal(publish.mutate({ text: "a".repeat(11) }), "limit/reached", {
      limit: "postCharacters",
    });
    const { postId } = await publish.mutate({ link: "https://example.org/a?b=c", image: "posts/2026/a.jpg" });
    await expectRefusal(editPost.mutate({ postId, link: null, image: null }), "input/invalid");
    await editPost.mutate({ postId, link: null, text: "two\nlines" });

    expect(await ada.rpc.social.get.query({ postId })).toMatchObject({
      text: "two\nlines",
      link: null,
      image: "posts/2026/a.jpg",
      editedAt: expect.any(Number),
    });
  });

  test("can be changed only by its author, and looks to a student who may not see it as if it did not exist", async () => {
    const { ada, bo, cy } = await createScene(dialect);
    await follow(bo, ada);
    const postId = await post(ada, "Hello");
    await ada.blocks(cy);

    await expectRefusal(bo.rpc.social.editPost.mutate({ postId, text: "Mine" }), "forbidden");
    await expectRefusal(bo.rpc.social.removePost.mutate({ postId }), "forbidden");
    for (const [student, id] of [
      [cy, postId],
      [bo, uuidv7()],
      [bo, "'; drop table posts"],
    ] as const) {
      const { social } = student.rpc;
      for (const call of [
        () => social.get.query({ postId: id }),
        () => social.editPost.mutate({ postId: id, text: "x" }),
        () => social.removePost.mutate({ postId: id }),
        () => social.like.mutate({ postId: id }),
        () => social.unlike.mutate({ postId: id }),
        () => social.likes.query({ postId: id }),
        () => social.comments.query({ postId: id }),
        () => social.comment.mutate({ postId: id, text: "x" }),
        () => social.report.mutate({ postId: id, reason: "x" }),
      ]) {
        await expectRefusal(call(), "not-found");
      }
    }
    await ada.rpc.social.removePost.mutate({ postId });
    await expectRefusal(bo.rpc.social.get.query({ postId }), "not-found");
    expect(await feedOf(bo)).toEqual([]);
  });

  test("changes the student's social data for their other devices, as likes, comments and follows do", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const postId = await post(ada, "Hello");
    const { social } = bo.rpc;
    const acts: (() => Promise<unknown>)[] = [
      () => social.post.mutate({ text: "Hi" }),
      () => social.like.mutate({ postId }),
      () => social.comment.mutate({ postId, text: "Nice" }),
      () => social.follow.mutate({ userId: ada.id }),
      () => social.unlike.mutate({ postId }),
      () => social.unfollow.mutate({ userId: ada.id }),
    ];

    for (const act of acts) {
      world.clock.advance({ minutes: 1 });
      const since = world.clock.now();
      await act();
      const { areas } = await bo.rpc.inbox.changes.query({ since });
      expect(JSON.stringify(areas)).toContain("social");
    }
  });
});

describe.each(DIALECTS)("the social features around a post, on %s", (dialect) => {
  test("list comments with their replies, oldest first, and remove replies with their comment", async () => {
    const { ada, bo, cy } = await createScene(dialect);
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
    const { ada, bo } = await createScene(dialect, { commentCharacters: 10 });
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
    const { ada, bo, cy } = await createScene(dialect);
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
    const { ada, bo, cy } = await createScene(dialect, { mentions: 2 });
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

  test("let students follow each other up to a limit, and list followers and followed students", async () => {
    const { world, ada, bo, cy } = await createScene(dialect, { followed: 2 });
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
    const { ada, bo, cy } = await createScene(dialect);
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

  test("limit the rate of posts, comments, likes and reports, each with its own burst", async () => {
    const { world, ada, bo } = await createScene(dialect, {
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
    const { world, ada } = await createScene(dialect, { callsPerMinutePerIp: 1_000_000 });
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

  test("hide a student who deletes the account at once, and later remove the student's rows and their counts", async () => {
    const { world, ada, bo, cy } = await createScene(dialect);
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
    const { world, ada, bo, cy } = await createScene(dialect);
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

const numberOf = (row: unknown): unknown => {
  const { n } = row as { n: number | string };
  return { n: Number(n) };
};

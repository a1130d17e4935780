import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createSocialScene, post, follow, feedOf } from "../../support/students/social-scene.ts";

describe.each(DIALECTS)("a Cavity post, on %s", (dialect) => {
  test("appears in the feeds of its author and the author's followers, newest first, in pages without gaps", async () => {
    const { ada, bo, cy } = await createSocialScene(dialect);
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
    const { ada, bo } = await createSocialScene(dialect);
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
    const { world, ada, bo } = await createSocialScene(dialect);
    await follow(ada, bo);
    const written = uuidv7({ msecs: world.clock.now() - 3 * 24 * 3_600_000 });
    await post(bo, "before");

    await bo.rpc.social.post.mutate({ text: "late", commandId: written });

    const [newest] = (await ada.rpc.social.feed.query()).items;
    expect(newest).toMatchObject({ id: written, text: "late", createdAt: world.clock.now() });
  });

  test("exists once, however often it arrives, and its id cannot be used by others", async () => {
    const { ada, bo } = await createSocialScene(dialect);
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
    const { ada } = await createSocialScene(dialect, { postCharacters: 10 });
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
    const { ada, bo, cy } = await createSocialScene(dialect);
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
    const { world, ada, bo } = await createSocialScene(dialect);
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

import type { InspectedPost } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { flag, limit } from "../parameter.ts";
import { table, type Column } from "../outcome.ts";
import { moreNotes, readUpTo } from "../paging.ts";
import { relativeToNow } from "../time.ts";
import { contentOf } from "./content.ts";

/** `edvoyage posts list`. */
export const listPosts = defineCommand({
  summary: "List posts in Cavity that students have reported, most recently reported first",
  parameters: { all: flag("--all", "List all posts, newest first"), limit },
  examples: ["edvoyage posts list", "edvoyage posts list --all --limit 200", "edvoyage posts list --json"],
  run: async ({ connect, now }, { all, limit }) => {
    const { client } = await connect();
    const { items, hasMore } = await readUpTo(limit, (page) =>
      client.admin.posts.list.query({ reported: !all, ...page }),
    );
    const empty = all ? "No posts." : "No post has been reported.";
    return { data: items, view: [table(postColumns(now()), items, { empty })], notes: moreNotes(hasMore) };
  },
});

const postColumns = (now: number): readonly Column<InspectedPost>[] => [
  { title: "POST", cell: ({ id }) => id },
  { title: "REPORTS", cell: ({ reportCount }) => reportCount },
  {
    title: "REPORTED",
    cell: ({ reportedAt }) => (reportedAt === null ? null : relativeToNow(reportedAt, now)),
  },
  { title: "SAYS", cell: contentOf, canShrink: true },
  { title: "AUTHOR", cell: ({ authorName }) => authorName, canShrink: true },
  { title: "WRITTEN", cell: ({ createdAt }) => relativeToNow(createdAt, now) },
  { title: "LIKES", cell: ({ likeCount }) => likeCount },
  { title: "COMMENTS", cell: ({ commentCount }) => commentCount },
  { title: "USER", cell: ({ authorId }) => authorId },
];

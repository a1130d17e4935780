import { defineCommand } from "../command.ts";
import { argument, requiredText } from "../parameter.ts";
import { line } from "../outcome.ts";
import { toPrintable, truncate } from "../printable.ts";
import { authorOf, contentOf } from "./content.ts";

/** How much of a post to quote, so that it can be recognized. */
const QUOTED_WIDTH = 60;

/** `edvoyage posts remove`. */
export const removePost = defineCommand({
  summary: "Permanently remove a post with its likes, comments and reports",
  parameters: {
    postId: argument("postId", "As posts list shows it"),
    reason: requiredText("--reason <text>", "Why; kept in the audit log"),
  },
  examples: [
    'edvoyage posts remove 01928f3e-8c1a-7b52-9e1f-0242ac120002 --reason "sells essays"',
    "edvoyage posts remove 01928f3e-8c1a-7b52-9e1f-0242ac120002 --reason spam --yes --json",
  ],
  exits: {
    notFound: "There is no such post.",
  },
  hints: { "not-found": "Look for its id with edvoyage posts list --all." },
  run: async ({ connect, confirm }, { postId, reason }) => {
    const { client } = await connect();
    const post = await client.admin.posts.show.query({ postId });
    const author = authorOf(post);
    const quoted = truncate(toPrintable(contentOf(post)), QUOTED_WIDTH);
    await confirm(`Remove the post of ${author}, “${quoted}”? This cannot be undone.`);
    const removed = await client.admin.posts.remove.mutate({ postId, reason });
    return { data: removed, view: [line(`Removed the post of ${author}.`)] };
  },
});

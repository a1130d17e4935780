import type { InspectedPost, PostReport } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { argument } from "../parameter.ts";
import { gap, line, prose, type Cell, type OutputLine } from "../outcome.ts";
import { instantAndDistance, instantToText } from "../time.ts";

/** `edvoyage posts show`. */
export const showPost = defineCommand({
  summary: "Show a post in Cavity, with who reported it and why",
  parameters: { postId: argument("postId", "As posts list shows it") },
  examples: ["edvoyage posts show 01928f3e-8c1a-7b52-9e1f-0242ac120002"],
  exits: {
    notFound: "There is no such post.",
  },
  hints: { "not-found": "Look for its id with edvoyage posts list --all." },
  run: async ({ connect, now }, { postId }) => {
    const { client } = await connect();
    const post = await client.admin.posts.show.query({ postId });
    const reports = post.reports.toSorted((one, other) => other.at - one.at);
    const { reportCount } = post;
    return {
      data: { ...post, reports },
      view: [...postToLines(post, now()), ...(reports.length > 0 ? [gap, ...reports.map(reportToLine)] : [])],
      notes: reportCount > reports.length ? [`Showing ${reports.length} of ${reportCount} reports.`] : [],
    };
  },
});

const postToLines = (post: InspectedPost, now: number): OutputLine[] => {
  const { id, text, link, image, createdAt, editedAt, likeCount, commentCount, reportCount } = post;
  return [
    line(id),
    line(post.authorName ?? "no name", label("Author")),
    line(post.authorId, label("User")),
    line(instantAndDistance(createdAt, now), label("Written")),
    ...(editedAt === null ? [] : [line(instantAndDistance(editedAt, now), label("Edited"))]),
    ...prose(text ?? "-", label("Text")),
    line(link ?? "-", label("Link")),
    line(image ?? "-", label("Image")),
    line(likeCount.toLocaleString("en"), label("Likes")),
    line(commentCount.toLocaleString("en"), label("Comments")),
    line(reportCount.toLocaleString("en"), label("Reports")),
  ];
};

/** Lines instead of a table: an admin needs the whole reason to decide. */
const reportToLine = ({ at, reason, userId }: PostReport): OutputLine =>
  line(`${reason} (${userId})`, { text: instantToText(at), colour: "gray" });

const label = (text: string): Cell => ({ text: text.padEnd("Comments".length), colour: "gray" });

import type { CommandId, CommentId, PostId } from "@edvoyage/protocol";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import { sortByTime, type SeedAction } from "./action.ts";
import { createSeededRandom, type SeededRandom } from "./dice.ts";
import { fillText } from "./template.ts";
import type { Graph } from "./graph.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";
import { topics, type Topic } from "./topics.ts";

interface SeededPost {
  readonly id: PostId;
  readonly author: SeededStudent;
  readonly topic: Topic;
  readonly at: number;
}

const MENTIONS = 0.12;
const LINKS = 0.15;
const REPLIES = 0.4;
/** The average part of the audience that likes a post; it varies from none to twice this. */
const LIKES = 0.25;
/** How many students who do not follow the author come across a post. */
const STRANGERS = 2;

/** Plans posts, comments and likes; none in the last hour before the start of the world. */
export const planSocial = (
  frame: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeedAction[] => {
  const posts = students.flatMap((student) => planPosts(frame, student, graph));
  const comments = posts.flatMap(({ post }) => planComments(frame, { post, students, graph }));
  const likes = posts.flatMap(({ post }) => planLikes(frame, { post, students, graph }));
  return [
    ...sortByTime(posts.map(({ act }) => act)),
    ...sortByTime(comments),
    ...sortByTime(likes.filter(({ at }) => at < frame.beganAt - HOUR_MS)),
  ];
};

const planPosts = (
  { seed, beganAt, idOf, universities }: WorldFrame,
  author: SeededStudent,
  graph: Graph,
): { readonly post: SeededPost; readonly act: SeedAction }[] => {
  const dice = createSeededRandom(seed, "posts", author.index);
  // Most students post now and then, some often, some never. The first one posts often, because developers sign in as
  // that student.
  const count = author.index === 0 || dice.isWithin(0.12) ? dice.between(5, 9) : dice.below(4);
  return Array.from({ length: count }, (_, index) => {
    const topic = dice.pick(topics);
    const at = beganAt - 2 * HOUR_MS - dice.below((ACTIVE_DAYS - 2) * DAY_MS);
    const id = idOf<PostId>(at, "post", author.index, index);
    const text = fillText(dice.pick(topic.posts), author.words);
    const mentioned = graph.friends[author.index] ?? [];
    const named = mentioned.length > 0 && dice.isWithin(MENTIONS) ? dice.pick(mentioned) : undefined;
    const goal = universities.find(({ name }) => name === author.words["university"]);
    const content = {
      text: named ? `${text} @${named.name}, this is for you.` : text,
      link: dice.isWithin(LINKS) ? (goal?.website ?? null) : null,
      image: null,
      mentions: named ? [named.id] : [],
    };
    return {
      post: { id, author, topic, at },
      act: {
        at,
        adds: "posts",
        run: ({ social }) => social.posts.post({ userId: author.id, commandId: toCommandId(id) }, content),
      },
    };
  });
};

/** Draws the students who may come across a post: the followers and a few others. */
const audienceOf = (
  dice: SeededRandom,
  {
    post,
    students,
    graph,
  }: { readonly post: SeededPost; readonly students: readonly SeededStudent[]; readonly graph: Graph },
): SeededStudent[] => {
  const followers = graph.followers[post.author.index] ?? [];
  const strangers = dice.some(
    students.filter((student) => student !== post.author && !followers.includes(student)),
    STRANGERS,
  );
  return [...followers, ...strangers];
};

const planComments = (
  { seed, beganAt, idOf }: WorldFrame,
  scene: { readonly post: SeededPost; readonly students: readonly SeededStudent[]; readonly graph: Graph },
): SeedAction[] => {
  const { post } = scene;
  const dice = createSeededRandom(seed, "comments", post.author.index, post.at - beganAt);
  const audience = audienceOf(dice, scene);
  const commenters = dice.some(audience, Math.min(dice.below(7), dice.below(7)));
  const texts = dice.some(post.topic.comments, commenters.length);
  return commenters.flatMap((commenter, place): SeedAction[] => {
    const text = texts[place];
    const at = post.at + dice.between(4, 40 * 60) * MINUTE_MS;
    if (text === undefined || at > beganAt - HOUR_MS) return [];
    const id = idOf<CommentId>(at, "comment", post.id, place);
    const comment = planComment(
      { id, author: commenter, at },
      { postId: post.id, parentId: null, text: fillText(text, post.author.words), mentions: [] },
    );
    const repliedAt = at + dice.between(2, 300) * MINUTE_MS;
    if (!dice.isWithin(REPLIES) || repliedAt > beganAt - HOUR_MS) return [comment];
    const replyId = idOf<CommentId>(repliedAt, "reply", post.id, place);
    const reply = fillText(dice.pick(post.topic.replies), post.author.words);
    const named = dice.isWithin(MENTIONS);
    return [
      comment,
      planComment(
        { id: replyId, author: post.author, at: repliedAt },
        {
          postId: post.id,
          parentId: id,
          text: named ? `@${commenter.name} ${reply}` : reply,
          mentions: named ? [commenter.id] : [],
        },
      ),
    ];
  });
};

const planComment = (
  { id, author, at }: { readonly id: CommentId; readonly author: SeededStudent; readonly at: number },
  input: {
    readonly postId: PostId;
    readonly parentId: CommentId | null;
    readonly text: string;
    readonly mentions: readonly SeededStudent["id"][];
  },
): SeedAction => ({
  at,
  adds: "comments",
  run: ({ social }) => social.comments.add({ userId: author.id, commandId: toCommandId(id) }, input),
});

const planLikes = (
  { seed, beganAt }: WorldFrame,
  scene: { readonly post: SeededPost; readonly students: readonly SeededStudent[]; readonly graph: Graph },
): SeedAction[] => {
  const { post } = scene;
  const dice = createSeededRandom(seed, "likes", post.author.index, post.at - beganAt);
  const audience = audienceOf(dice, scene);
  const count = Math.round(audience.length * LIKES * (dice.between(0, 20) / 10));
  return dice.some(audience, count).map((student): SeedAction => ({
    // Most likes come soon after the post.
    at: post.at + dice.between(1, 60) * dice.between(1, 48) * MINUTE_MS,
    adds: "likes",
    run: ({ social }) => social.posts.like({ userId: student.id, commandId: null }, { postId: post.id }),
  }));
};

/** Uses the id of the created row as the id of its command. */
const toCommandId = (id: PostId | CommentId): CommandId => id as string as CommandId;

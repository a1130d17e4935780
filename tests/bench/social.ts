import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { v7 } from "uuid";
import { measure, openConnection, type Connection } from "./load.ts";
import {
  createBenchWorld,
  createUser,
  rounds,
  SECONDS,
  signInAll,
  table,
  type BenchWorld,
  type Started,
} from "./world.ts";

/** Long enough for the JIT compiler to optimise the hot code. */
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 50;
/** Students who each follow all authors. */
const READERS = 50;
const FOLLOWED = 500;
/** Students who post, like and comment: enough that they do not wait for each other's rows. */
const STUDENTS = 300;
const FEW = 1_000;
const POSTS = 10_000;
const MANY = 100_000;
/** The product's target at 50 connections. */
const TARGET = "target: p99 of 200 ms";
const BASELINE = "tRPC's Fastify adapter, hello";
const FLOOR = "one durable write, no rule (floor)";
/** Texts of realistic length. */
const POST =
  "Landed in Lisbon this morning! The dormitory is ten minutes from the faculty by tram, and the view over the river is unreal. Who else is here for the autumn?";
const COMMENT = "Me, from the 3rd on. See you at the welcome week!";

/** A server, its students, and the posts of the authors whom they follow. */
interface SocialServer {
  readonly port: number;
  readonly tokens: readonly string[];
  /** Oldest first. */
  readonly postIds: readonly string[];
}

type Act = (connection: Connection, turn: number) => Promise<unknown>;
type Contender = readonly [name: string, port: number, act: Act];

/**
 * Measures the social area: the feed of a student who follows 500, at different sizes; posts, likes and comments; and a
 * framework alone.
 */
export const benchSocial = async (): Promise<void> => {
  const world = await createBenchWorld();
  try {
    const hello: Contender = [
      BASELINE,
      (await world.start("trpc-hello")).port,
      (connection) => connection.request("GET /trpc/hello"),
    ];
    const floor: Contender = [
      FLOOR,
      (await world.start("two-writes")).port,
      (connection) => connection.request("POST /write", "{}"),
    ];
    const few = await createSocialServer(world, { posts: FEW, students: READERS });
    const medium = await createSocialServer(world, { posts: POSTS, students: STUDENTS });
    const many = await createSocialServer(world, { posts: MANY, students: READERS });

    const middle = await middleOf(medium);
    const feeds: readonly Contender[] = [
      hello,
      [`feed, 500 followed, ${FEW} posts`, few.port, readFeed(few)],
      [`feed, 500 followed, ${POSTS} posts`, medium.port, readFeed(medium)],
      [`feed, 500 followed, ${POSTS} posts, middle`, medium.port, readFeed(medium, middle)],
      [`feed, 500 followed, ${MANY} posts`, many.port, readFeed(many)],
    ];
    await compare("A page of 20 posts", feeds, 1);
    await compare(`A page of 20 posts (${TARGET})`, feeds, CONNECTIONS);

    const [read, post, like, comment] = [readFeed(medium), postTo(medium), likeIn(medium), commentIn(medium)];
    const changes: readonly Contender[] = [
      hello,
      floor,
      ["social.post", medium.port, post],
      ["social.like", medium.port, like],
      ["social.comment", medium.port, comment],
      [
        "feed, post, like and comment in turn",
        medium.port,
        (connection, turn) => ([read, post, like, comment][turn % 4] ?? read)(connection, turn),
      ],
    ];
    await compare(
      `Changes to the social area, each fsynced before its answer (${TARGET})`,
      changes,
      CONNECTIONS,
    );
  } finally {
    await world.close();
  }
};

const compare = async (
  title: string,
  contenders: readonly Contender[],
  connections: number,
): Promise<void> => {
  const rows = await rounds(
    contenders.map(([name, port, act]) => [
      name,
      () =>
        measure(port, {
          connections,
          seconds: SECONDS,
          warmUpSeconds: WARM_UP_SECONDS,
          act: async (connection, turn) => void (await act(connection, turn)),
        }),
    ]),
  );
  table(`${title}, ${connections} connection${connections > 1 ? "s" : ""}`, "calls/s", rows, BASELINE);
};

const createSocialServer = async (
  world: BenchWorld,
  { posts, students }: { readonly posts: number; readonly students: number },
): Promise<SocialServer> => {
  const started = await world.start("edvoyage-social");
  const users = Array.from({ length: students }, (_, index) => createUser(index));
  const tokens = await signInAll(started.port, users);
  const readers = users.slice(0, READERS).map(({ phone }) => phone);
  return { port: started.port, tokens, postIds: fill(started, { readers, posts }) };
};

/** Writes posts directly to the database, because posting them would take minutes. Returns their ids, oldest first. */
const fill = (
  { dataDir }: Started,
  { readers, posts }: { readonly readers: readonly string[]; readonly posts: number },
): readonly string[] => {
  const file = new Sqlite(join(dataDir, "edvoyage.sqlite"));
  const addUser = file.prepare("insert into users (id, phone, created_at) values (?, ?, 0)");
  const addProfile = file.prepare("insert into profiles (user_id, name, updated_at) values (?, ?, 0)");
  const addFollow = file.prepare(
    "insert into follows (follower_id, followee_id, at) select id, ?, 0 from users where phone = ?",
  );
  const addPost = file.prepare(
    "insert into posts (id, author_id, text, has_mentions, created_at) values (?, ?, ?, 0, ?)",
  );
  const authorIds = Array.from({ length: FOLLOWED }, () => v7());
  const postIds = Array.from({ length: posts }, () => v7());
  file.transaction(() => {
    for (const [index, id] of authorIds.entries()) {
      addUser.run(id, `author-${index}`);
      addProfile.run(id, `Author ${index}`);
      for (const phone of readers) addFollow.run(id, phone);
    }
    for (const [index, id] of postIds.entries()) addPost.run(id, authorIds[index % FOLLOWED], POST, index);
  })();
  file.close();
  return postIds;
};

/** Returns the cursor of a page in the middle of the feed, found by reading page after page. */
const middleOf = async ({ port, tokens, postIds }: SocialServer): Promise<string> => {
  const connection = await openConnection(port);
  let cursor: string | null = null;
  for (let read = 0; read < postIds.length / 2; read += 100) {
    const page = await connection.request(pathOfFeed({ cursor, limit: 100 }), undefined, bearerOf(tokens, 0));
    cursor = JSON.parse(page).result.data.nextCursor;
  }
  connection.close();
  if (cursor === null) throw new Error("The feed ends before its middle");
  return cursor;
};

const readFeed = ({ tokens }: SocialServer, cursor: string | null = null): Act => {
  const path = pathOfFeed({ cursor });
  return (connection, turn) => connection.request(path, undefined, bearerOf(tokens, turn % READERS));
};

const postTo =
  ({ tokens }: SocialServer): Act =>
  (connection, turn) =>
    connection.request(
      "POST /trpc/social.post",
      JSON.stringify({ text: POST, commandId: v7() }),
      bearerOf(tokens, turn),
    );

/** No student likes a post twice: each round continues where the last one stopped. */
const likeIn = ({ tokens, postIds }: SocialServer): Act => {
  let likes = 0;
  return (connection) => {
    const like = (likes += 1);
    // Move on to the next student after each pass over all posts.
    const student = like + Math.floor(like / postIds.length);
    return connection.request(
      "POST /trpc/social.like",
      JSON.stringify({ postId: postIds[like % postIds.length], commandId: v7() }),
      bearerOf(tokens, student),
    );
  };
};

const commentIn =
  ({ tokens, postIds }: SocialServer): Act =>
  (connection, turn) =>
    connection.request(
      "POST /trpc/social.comment",
      JSON.stringify({ postId: postIds[turn % postIds.length], text: COMMENT, commandId: v7() }),
      bearerOf(tokens, turn),
    );

const pathOfFeed = (input: { readonly cursor: string | null; readonly limit?: number }): string =>
  `GET /trpc/social.feed?input=${encodeURIComponent(JSON.stringify(input))}`;

const bearerOf = (tokens: readonly string[], turn: number): string =>
  `authorization: Bearer ${tokens[turn % tokens.length] ?? ""}`;

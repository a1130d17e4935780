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

/** Long enough for the compiler to have seen what is hot. */
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 50;
/** Each follows all of the authors. */
const READERS = 50;
const FOLLOWED = 500;
/** Who post, like and comment: what they do must not wait for one student's rows. */
const STUDENTS = 300;
const FEW = 1_000;
const POSTS = 10_000;
const MANY = 100_000;
/** What the product is to keep to at 50 connections. */
const ASKED = "asked for: p99 of 200 ms";
const BASELINE = "tRPC's Fastify adapter, hello";
const FLOOR = "one durable write, no rule (floor)";
/** As long as what people post, and as what they say of it. */
const POST =
  "Landed in Lisbon this morning! The dormitory is ten minutes from the faculty by tram, and the view over the river is unreal. Who else is here for the autumn?";
const COMMENT = "Me, from the 3rd on. See you at the welcome week!";

/** A server, its students, and what those whom they follow have posted. */
interface Cavity {
  readonly port: number;
  readonly tokens: readonly string[];
  /** Oldest first. */
  readonly postIds: readonly string[];
}

type Act = (connection: Connection, turn: number) => Promise<unknown>;
type Contender = readonly [name: string, port: number, act: Act];

/** Cavity: the feed of one who follows 500 and its growth, posts, likes and comments; beside a framework alone. */
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
    const few = await createCavity(world, { posts: FEW, students: READERS });
    const cavity = await createCavity(world, { posts: POSTS, students: STUDENTS });
    const many = await createCavity(world, { posts: MANY, students: READERS });

    const middle = await middleOf(cavity);
    const feeds: readonly Contender[] = [
      hello,
      [`feed, 500 followed, ${FEW} posts`, few.port, readFeed(few)],
      [`feed, 500 followed, ${POSTS} posts`, cavity.port, readFeed(cavity)],
      [`feed, 500 followed, ${POSTS} posts, middle`, cavity.port, readFeed(cavity, middle)],
      [`feed, 500 followed, ${MANY} posts`, many.port, readFeed(many)],
    ];
    await compare("A page of 20 posts", feeds, 1);
    await compare(`A page of 20 posts (${ASKED})`, feeds, CONNECTIONS);

    const [read, post, like, comment] = [readFeed(cavity), postTo(cavity), likeIn(cavity), commentIn(cavity)];
    const changes: readonly Contender[] = [
      hello,
      floor,
      ["social.post", cavity.port, post],
      ["social.like", cavity.port, like],
      ["social.comment", cavity.port, comment],
      [
        "feed, post, like and comment in turn",
        cavity.port,
        (connection, turn) => ([read, post, like, comment][turn % 4] ?? read)(connection, turn),
      ],
    ];
    await compare(`Changes to Cavity, each fsynced before its answer (${ASKED})`, changes, CONNECTIONS);
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

const createCavity = async (
  world: BenchWorld,
  { posts, students }: { readonly posts: number; readonly students: number },
): Promise<Cavity> => {
  const started = await world.start("edvoyage-social");
  const users = Array.from({ length: students }, (_, index) => createUser(index));
  const tokens = await signInAll(started.port, users);
  const readers = users.slice(0, READERS).map(({ phone }) => phone);
  return { port: started.port, tokens, postIds: fill(started, { readers, posts }) };
};

/** Writes past the server what it would have taken minutes to post; returns the ids of the posts, oldest first. */
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

/** The cursor of the page that begins in the middle of a feed, as one who reads on comes to it. */
const middleOf = async ({ port, tokens, postIds }: Cavity): Promise<string> => {
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

const readFeed = ({ tokens }: Cavity, cursor: string | null = null): Act => {
  const path = pathOfFeed({ cursor });
  return (connection, turn) => connection.request(path, undefined, bearerOf(tokens, turn % READERS));
};

const postTo =
  ({ tokens }: Cavity): Act =>
  (connection, turn) =>
    connection.request(
      "POST /trpc/social.post",
      JSON.stringify({ text: POST, commandId: v7() }),
      bearerOf(tokens, turn),
    );

/** No student likes a post twice: the next round likes where the last one stopped. */
const likeIn = ({ tokens, postIds }: Cavity): Act => {
  let likes = 0;
  return (connection) => {
    const like = (likes += 1);
    // A student further each time that all posts were liked.
    const student = like + Math.floor(like / postIds.length);
    return connection.request(
      "POST /trpc/social.like",
      JSON.stringify({ postId: postIds[like % postIds.length], commandId: v7() }),
      bearerOf(tokens, student),
    );
  };
};

const commentIn =
  ({ tokens, postIds }: Cavity): Act =>
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

import { sql, type ColumnDefinitionBuilder, type Kysely, type Migration } from "kysely";
import type { DialectName } from "../database.ts";
import { storedByKey } from "./keyed-table.ts";

export const createSocial = (dialect: DialectName): Migration => {
  const positionType = dialect === "sqlite" ? "integer" : "bigint";
  /** A position that is never used twice, not even after the newest row was deleted. */
  const byArrival = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    dialect === "sqlite"
      ? column.primaryKey().autoIncrement()
      : column.primaryKey().generatedByDefaultAsIdentity();
  const ofUser = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    column.notNull().references("users.id").onDelete("cascade");
  const ofPost = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    column.notNull().references("posts.id").onDelete("cascade");
  const count = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull().defaultTo(0);

  return {
    up: async (db) => {
      await db.schema
        .createTable("posts")
        .addColumn("position", positionType, byArrival)
        .addColumn("id", "text", (column) => column.notNull().unique())
        .addColumn("author_id", "text", ofUser)
        .addColumn("text", "text")
        .addColumn("link", "text")
        .addColumn("image", "text")
        .addColumn("has_mentions", "integer", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("edited_at", "bigint")
        .addColumn("like_count", "integer", count)
        .addColumn("comment_count", "integer", count)
        .addColumn("report_count", "integer", count)
        .addColumn("reported_at", "bigint")
        .execute();
      await db.schema.createIndex("posts_by_author").on("posts").columns(["author_id", "position"]).execute();
      await db.schema
        .createIndex("posts_reported")
        .on("posts")
        .columns(["reported_at", "position"])
        .where(sql.ref("report_count"), ">", sql.lit(0))
        .execute();

      await db.schema
        .createTable("likes")
        .addColumn("post_id", "text", ofPost)
        .addColumn("user_id", "text", ofUser)
        .addColumn("at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("likes_key", ["post_id", "user_id"])
        .$call(storedByKey(dialect))
        .execute();
      await db.schema.createIndex("likes_by_user").on("likes").columns(["user_id", "post_id"]).execute();

      await db.schema
        .createTable("comments")
        .addColumn("position", positionType, byArrival)
        .addColumn("id", "text", (column) => column.notNull().unique())
        .addColumn("post_id", "text", ofPost)
        .addColumn("parent_id", "text", (column) => column.references("comments.id").onDelete("cascade"))
        .addColumn("author_id", "text", ofUser)
        .addColumn("text", "text", (column) => column.notNull())
        .addColumn("has_mentions", "integer", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("reply_count", "integer", count)
        .execute();
      await db.schema
        .createIndex("comments_by_post")
        .on("comments")
        .columns(["post_id", "position"])
        .execute();
      await db.schema
        .createIndex("comments_on_post")
        .on("comments")
        .columns(["post_id", "position"])
        .where(sql.ref("parent_id"), "is", null)
        .execute();
      await db.schema
        .createIndex("comments_by_parent")
        .on("comments")
        .columns(["parent_id", "position"])
        .where(sql.ref("parent_id"), "is not", null)
        .execute();
      await db.schema
        .createIndex("comments_by_author")
        .on("comments")
        .columns(["author_id", "position"])
        .execute();

      await db.schema
        .createTable("mentions")
        .addColumn("subject_id", "text", (column) => column.notNull())
        .addColumn("user_id", "text", ofUser)
        .addColumn("post_id", "text", ofPost)
        .addColumn("place", "integer", (column) => column.notNull())
        .addPrimaryKeyConstraint("mentions_key", ["subject_id", "user_id"])
        .$call(storedByKey(dialect))
        .execute();
      await db.schema.createIndex("mentions_by_user").on("mentions").column("user_id").execute();
      await db.schema.createIndex("mentions_by_post").on("mentions").column("post_id").execute();

      await db.schema
        .createTable("follows")
        .addColumn("position", positionType, byArrival)
        .addColumn("follower_id", "text", ofUser)
        .addColumn("followee_id", "text", ofUser)
        .addColumn("at", "bigint", (column) => column.notNull())
        .addUniqueConstraint("follows_key", ["follower_id", "followee_id"])
        .execute();
      await db.schema
        .createIndex("follows_by_follower")
        .on("follows")
        .columns(["follower_id", "position"])
        .execute();
      await db.schema
        .createIndex("follows_by_followee")
        .on("follows")
        .columns(["followee_id", "position"])
        .execute();

      await db.schema
        .createTable("social_counts")
        .addColumn("user_id", "text", (column) =>
          column.primaryKey().references("users.id").onDelete("cascade"),
        )
        .addColumn("posts", "integer", (column) => column.notNull())
        .addColumn("followers", "integer", (column) => column.notNull())
        .addColumn("following", "integer", (column) => column.notNull())
        .$call(storedByKey(dialect))
        .execute();

      await db.schema
        .createTable("post_reports")
        .addColumn("post_id", "text", ofPost)
        .addColumn("user_id", "text", ofUser)
        .addColumn("reason", "text", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("post_reports_key", ["post_id", "user_id"])
        .$call(storedByKey(dialect))
        .execute();
      await db.schema.createIndex("post_reports_by_user").on("post_reports").column("user_id").execute();

      // A small partial index: blocks are few, contacts are many, and every list of students reads blocks in both
      // directions.
      await db.schema
        .createIndex("contacts_blocked")
        .on("contacts")
        .columns(["owner_id", "contact_id"])
        .where(sql.ref("is_blocked"), "=", sql.lit(1))
        .execute();
      await db.schema
        .createIndex("contacts_blocked_by")
        .on("contacts")
        .columns(["contact_id", "owner_id"])
        .where(sql.ref("is_blocked"), "=", sql.lit(1))
        .execute();

      await db.schema
        .createIndex("users_being_erased")
        .on("users")
        .column("id")
        .where(sql.ref("erase_at"), "is not", null)
        .execute();

      for (const rule of countRules) await createCountTriggers[dialect](db, rule);
    },
  };
};

/** The counts that a row changes, as SQL on `new` and `old`. Triggers run it, so that cascading deletions count too. */
interface CountRule {
  readonly table: string;
  readonly onInsert: readonly string[];
  readonly onDelete: readonly string[];
}

const countOfStudent = (column: "posts" | "followers" | "following", studentId: string) => ({
  up: `insert into social_counts (user_id, posts, followers, following)
    values (new.${studentId}, ${["posts", "followers", "following"].map((name) => (name === column ? 1 : 0)).join(", ")})
    on conflict (user_id) do update set ${column} = social_counts.${column} + 1`,
  down: `update social_counts set ${column} = ${column} - 1 where user_id = old.${studentId}`,
});

const posts = countOfStudent("posts", "author_id");
const followers = countOfStudent("followers", "followee_id");
const following = countOfStudent("following", "follower_id");

const countRules: readonly CountRule[] = [
  { table: "posts", onInsert: [posts.up], onDelete: [posts.down] },
  { table: "follows", onInsert: [followers.up, following.up], onDelete: [followers.down, following.down] },
  {
    table: "likes",
    onInsert: ["update posts set like_count = like_count + 1 where id = new.post_id"],
    onDelete: ["update posts set like_count = like_count - 1 where id = old.post_id"],
  },
  {
    table: "comments",
    onInsert: [
      "update posts set comment_count = comment_count + 1 where id = new.post_id",
      "update comments set reply_count = reply_count + 1 where id = new.parent_id",
    ],
    onDelete: [
      "update posts set comment_count = comment_count - 1 where id = old.post_id",
      "update comments set reply_count = reply_count - 1 where id = old.parent_id",
      // A mention belongs to a post or a comment, which a foreign key cannot express.
      "delete from mentions where subject_id = old.id",
    ],
  },
  {
    table: "post_reports",
    onInsert: [
      "update posts set report_count = report_count + 1, reported_at = new.at where id = new.post_id",
    ],
    onDelete: ["update posts set report_count = report_count - 1 where id = old.post_id"],
  },
];

const createCountTriggers: Record<DialectName, (db: Kysely<unknown>, rule: CountRule) => Promise<void>> = {
  sqlite: async (db, { table, onInsert, onDelete }) => {
    const create = (name: string, event: string, statements: readonly string[]) =>
      sql
        .raw(`create trigger ${name} after ${event} on ${table} begin ${statements.join("; ")}; end`)
        .execute(db);
    await create(`${table}_counted`, "insert", onInsert);
    await create(`${table}_uncounted`, "delete", onDelete);
  },
  postgres: async (db, { table, onInsert, onDelete }) => {
    await sql
      .raw(
        `create function count_${table}() returns trigger language plpgsql as $$ begin
           if tg_op = 'INSERT' then ${onInsert.join("; ")}; else ${onDelete.join("; ")}; end if;
           return null;
         end $$`,
      )
      .execute(db);
    await sql
      .raw(
        `create trigger ${table}_counted after insert or delete on ${table}
         for each row execute function count_${table}()`,
      )
      .execute(db);
  },
};

import type { Database } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import type { Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import { createStudentRateLimit, type StudentRateLimit } from "../limits/student-rate-limit.ts";
import { createComments, type Comments } from "./comments.ts";
import { createMentions } from "./mentions.ts";
import { createModeration, type Moderation } from "./moderation.ts";
import { createPosts, type Posts } from "./posts.ts";
import { createStudents, type Students } from "./students.ts";

/** The social area ("Cavity" in the app): posts, comments, follows and moderation. */
export interface Social {
  readonly posts: Posts;
  readonly comments: Comments;
  readonly students: Students;
  readonly moderation: Moderation;
}

export interface SocialDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly notifications: Notifications;
  readonly audit: Pick<Audit, "record">;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
}

const SECONDS_PER_HOUR = 3_600;

export const createSocial = (deps: SocialDeps): Social => {
  const { clock, limits } = deps;
  const rateOf = (perHour: number, burst: number): StudentRateLimit =>
    createStudentRateLimit({ clock, perSecond: perHour / SECONDS_PER_HOUR, burst });
  const mentions = createMentions({ limits });
  const reactionRate = rateOf(limits.reactionsPerHour, limits.reactionBurst);
  const postRate = rateOf(limits.postsPerHour, limits.postBurst);
  return {
    posts: createPosts({ ...deps, mentions, postRate, reactionRate }),
    comments: createComments({
      ...deps,
      mentions,
      rate: rateOf(limits.commentsPerHour, limits.commentBurst),
    }),
    students: createStudents({ ...deps, rate: reactionRate }),
    moderation: createModeration({ ...deps, rate: rateOf(limits.reportsPerHour, limits.reportBurst) }),
  };
};

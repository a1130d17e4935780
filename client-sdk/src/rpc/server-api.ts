import type {
  AccountExport,
  AppDescription,
  ApplicationId,
  ApplicationMove,
  Challenge,
  ChallengeId,
  CommentId,
  CommentReceipt,
  CommentsFilter,
  Course,
  CourseFilter,
  FollowedStudent,
  FollowReceipt,
  InboxChanges,
  LikeReceipt,
  MessagePage,
  MessageReceipt,
  Notification,
  NotificationPreferences,
  Page,
  PageFilter,
  Position,
  PostId,
  Profile,
  PublicProfile,
  ReactionReceipt,
  RoomDetails,
  RoomHistory,
  RoomId,
  RoomRole,
  SentApplication,
  SentComment,
  SentContact,
  SentPost,
  Session,
  SessionId,
  SignIn,
  StudentName,
  StudentPage,
  University,
  UniversityFilter,
  UserId,
} from "@edvoyage/protocol";
import type { QueuedInputs, QueuedProcedure } from "./queued-inputs.ts";

/** A procedure that reads. */
interface Query<Input, Answer> {
  readonly query: (input: Input) => Promise<Answer>;
}

/** A procedure that changes something. */
interface Mutation<Input, Answer> {
  readonly mutate: (input: Input) => Promise<Answer>;
}

/** A mutation that takes effect once, however often it is sent. */
type Command<Input, Answer> = Mutation<Input & { readonly commandId: string }, Answer>;

/** A command that may wait in the outbox. */
type Queued<P extends QueuedProcedure, Answer = unknown> = Command<Sent<QueuedInputs[P]>, Answer>;

/** Makes lists mutable: the server's types have no readonly lists. */
type Sent<Input> = { readonly [Name in keyof Input]: SentList<Input[Name]> };
type SentList<Value> = Value extends readonly (infer Item)[] ? Item[] : Value;

/** A contact without the fields that only the server knows. */
export type KnownContact = Omit<SentContact, "createdAt" | "updatedAt">;

/**
 * The procedures that the SDK calls, in the SDK's own types: apps do not need the server's types to compile. The test
 * `server-api.test.ts` checks that the server's router has all of them.
 */
export interface ServerApi {
  readonly auth: {
    readonly requestCode: Mutation<
      { readonly phone: string; readonly deviceId: string; readonly ephemeral?: true } & AppDescription,
      Challenge
    >;
    readonly verifyCode: Command<
      { readonly challengeId: ChallengeId; readonly code: string; readonly deviceId: string },
      SignIn
    >;
  };
  readonly sessions: {
    readonly validate: Query<void, unknown>;
    readonly list: Query<PageFilter, Page<Session>>;
    readonly revoke: Mutation<{ readonly sessionId: SessionId }, unknown>;
    readonly revokeOthers: Mutation<void, { readonly ended: number }>;
    readonly logout: Mutation<void, unknown>;
  };
  readonly account: {
    readonly export: Query<void, AccountExport>;
    readonly delete: Mutation<void, { readonly eraseAt: number }>;
  };
  readonly profile: {
    readonly get: Query<void, Profile>;
    readonly of: Query<{ readonly userId: string }, PublicProfile>;
    readonly update: Queued<"profile.update", Profile>;
  };
  readonly universities: {
    readonly list: Query<UniversityFilter, Page<University>>;
    readonly get: Query<{ readonly id: string }, University>;
  };
  readonly courses: {
    readonly list: Query<CourseFilter, Page<Course>>;
    readonly get: Query<{ readonly id: string }, Course>;
  };
  readonly contacts: {
    readonly list: Query<PageFilter, Page<KnownContact>>;
    readonly add: Queued<"contacts.add", KnownContact>;
    readonly update: Queued<"contacts.update", KnownContact>;
    readonly remove: Queued<"contacts.remove">;
  };
  readonly notifications: {
    readonly recent: Query<PageFilter, Page<Notification>>;
    readonly markRead: Queued<"notifications.markRead", { readonly marked: number }>;
    readonly preferences: Query<void, NotificationPreferences>;
    readonly setPreferences: Queued<"notifications.setPreferences", NotificationPreferences>;
  };
  readonly push: {
    readonly register: Queued<"push.register">;
    readonly unregister: Queued<"push.unregister">;
  };
  readonly social: {
    readonly feed: Query<PageFilter, Page<SentPost>>;
    readonly get: Query<{ readonly postId: PostId }, SentPost>;
    readonly studentPosts: Query<{ readonly userId: UserId } & PageFilter, Page<SentPost>>;
    readonly likes: Query<{ readonly postId: PostId } & PageFilter, Page<StudentName>>;
    readonly comments: Query<CommentsFilter & PageFilter, Page<SentComment>>;
    readonly getComment: Query<{ readonly commentId: CommentId }, SentComment>;
    readonly student: Query<{ readonly userId: UserId }, StudentPage>;
    readonly followers: Query<{ readonly userId: UserId } & PageFilter, Page<FollowedStudent>>;
    readonly following: Query<{ readonly userId: UserId } & PageFilter, Page<FollowedStudent>>;
    readonly post: Queued<"social.post", { readonly createdAt: number }>;
    readonly editPost: Queued<"social.editPost">;
    readonly removePost: Queued<"social.removePost">;
    readonly like: Queued<"social.like", LikeReceipt>;
    readonly unlike: Queued<"social.unlike", LikeReceipt>;
    readonly report: Queued<"social.report">;
    readonly comment: Queued<"social.comment", CommentReceipt>;
    readonly removeComment: Queued<"social.removeComment">;
    readonly follow: Queued<"social.follow", FollowReceipt>;
    readonly unfollow: Queued<"social.unfollow", FollowReceipt>;
  };
  readonly applications: {
    readonly list: Query<PageFilter, Page<SentApplication>>;
    readonly get: Query<{ readonly applicationId: ApplicationId }, SentApplication>;
    readonly history: Query<{ readonly applicationId: ApplicationId } & PageFilter, Page<ApplicationMove>>;
    readonly create: Queued<"applications.create", SentApplication>;
    readonly update: Queued<"applications.update", SentApplication>;
    readonly submit: Queued<"applications.submit", SentApplication>;
    readonly withdraw: Queued<"applications.withdraw", SentApplication>;
    readonly addDocument: Queued<"applications.addDocument", SentApplication>;
    readonly uploadDocument: Queued<"applications.uploadDocument", SentApplication>;
    readonly removeDocument: Queued<"applications.removeDocument", SentApplication>;
  };
  readonly chat: {
    readonly rooms: {
      readonly get: Query<{ readonly roomId: RoomId }, RoomDetails>;
      readonly create: Command<
        | { readonly kind: "direct"; readonly memberIds: string[] }
        | {
            readonly kind: "group";
            readonly memberIds: string[];
            readonly name?: string;
            readonly history?: RoomHistory;
          },
        RoomDetails
      >;
      readonly rename: Command<{ readonly roomId: RoomId; readonly name: string }, RoomDetails>;
      readonly setRole: Command<
        { readonly roomId: RoomId; readonly userId: string; readonly role: RoomRole },
        RoomDetails
      >;
      readonly addMembers: Command<{ readonly roomId: RoomId; readonly memberIds: string[] }, RoomDetails>;
      readonly removeMember: Command<{ readonly roomId: RoomId; readonly userId: string }, RoomDetails>;
      readonly leave: Command<{ readonly roomId: RoomId }, unknown>;
      readonly acceptInvitation: Command<{ readonly roomId: string }, RoomDetails>;
      readonly declineInvitation: Command<{ readonly roomId: string }, unknown>;
    };
    readonly send: Queued<"chat.send", MessageReceipt>;
    readonly edit: Queued<"chat.edit", MessageReceipt>;
    readonly remove: Queued<"chat.remove", MessageReceipt>;
    readonly react: Queued<"chat.react", ReactionReceipt>;
    readonly markRead: Queued<"chat.markRead">;
    readonly history: Query<
      { readonly roomId: RoomId; readonly before: Position | null; readonly limit: number },
      MessagePage
    >;
  };
  readonly inbox: {
    readonly changes: Query<
      { readonly since?: number | null; readonly cursor?: string; readonly limit?: number },
      InboxChanges
    >;
  };
  readonly documents: {
    readonly exchange: Mutation<
      { readonly update?: string; readonly stateVector: string },
      { readonly update: string }
    >;
  };
}

/** The names of the procedures of one kind in a nested object, such as `contacts.list`. */
type PathsOf<Calls, Kind extends string, Before extends string = ""> = {
  readonly [Name in keyof Calls & string]: Calls[Name] extends { readonly [K in Kind]: unknown }
    ? `${Before}${Name}`
    : Calls[Name] extends { readonly query: unknown } | { readonly mutate: unknown }
      ? never
      : PathsOf<Calls[Name], Kind, `${Before}${Name}.`>;
}[keyof Calls & string];

type At<Calls, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof Calls
    ? At<Calls[Head], Rest>
    : never
  : Path extends keyof Calls
    ? Calls[Path]
    : never;

/** The name of a procedure that reads. */
export type QueryPath = PathsOf<ServerApi, "query">;

/** The name of a procedure that changes something. */
export type MutationPath = PathsOf<ServerApi, "mutate">;

/** The answer to a command that may wait in the outbox. */
export type AnswerTo<P extends string> =
  At<ServerApi, P> extends Mutation<never, infer Answer> ? Answer : unknown;

/** The input of a procedure that reads. */
export type InputOf<P extends QueryPath> =
  At<ServerApi, P> extends Query<infer Input, unknown> ? Input : never;

/** The answer of a procedure that reads. */
export type AnswerOf<P extends QueryPath> =
  At<ServerApi, P> extends Query<never, infer Answer> ? Answer : never;

/** Returns the procedure at a path, for names that come from tables and stores. */
export const procedureAt = (
  rpc: ServerApi,
  path: string,
): Query<unknown, unknown> & Mutation<unknown, unknown> =>
  path
    .split(".")
    // The compiler checks the paths where they are written.
    .reduce<unknown>((calls, name) => (calls as Record<string, unknown>)[name], rpc) as never;

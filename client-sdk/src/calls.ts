import type {
  ChallengeId,
  MessageId,
  Position,
  RoomHistory,
  RoomId,
  RoomRole,
  SessionId,
  UserId,
} from "@edvoyage/protocol";
import type { AppDescription } from "./auth/auth.ts";
import type { Course, CourseFilter, University, UniversityFilter } from "./catalogue/catalogue.ts";
import type { Invitation, RoomDetails, RoomSummary } from "./chat/api.ts";
import type { Contact, ContactChange } from "./contacts/contacts.ts";
import type { LogReceipt } from "./outbox/outbox-entry.ts";
import type { Page, PageFilter } from "./page.ts";
import type { Profile } from "./profile/profile.ts";
import type { Session } from "./sessions/sessions.ts";

/** A procedure that reads. */
interface Query<Input, Answer> {
  readonly query: (input: Input) => Promise<Answer>;
}

/** A procedure that changes something. */
interface Mutation<Input, Answer> {
  readonly mutate: (input: Input) => Promise<Answer>;
}

/** A change that takes effect once, however often it is asked for. */
type Command<Input, Answer> = Mutation<Input & { readonly commandId: string }, Answer>;

type AnyContact = Omit<Contact, "isPending">;

/** A room in the answer of `inbox.changes`. */
export type ChangedRoom =
  | (RoomSummary & {
      readonly state: "member";
      readonly history: RoomHistory;
      readonly fromSegment: number;
      readonly head: Position & { readonly id: string };
    })
  | { readonly state: "left"; readonly id: RoomId; readonly leftAt: number };

/**
 * What the SDK asks of the server, in its own words: no app needs the server's types to read the SDK's. That the server's
 * router has all of it is checked where both are known (`calls.test.ts`).
 */
export interface ServerCalls {
  readonly auth: {
    readonly requestCode: Mutation<
      { readonly phone: string; readonly deviceId: string } & AppDescription,
      {
        readonly challengeId: ChallengeId;
        readonly codeLength: number;
        readonly expiresAt: number;
        readonly resendAt: number;
        readonly attemptsRemaining: number;
        readonly serverNow: number;
      }
    >;
    readonly verifyCode: Command<
      { readonly challengeId: ChallengeId; readonly code: string; readonly deviceId: string },
      {
        readonly token: string;
        readonly session: Omit<Session, "isCurrent">;
        readonly user: { readonly id: UserId; readonly phone: string };
      }
    >;
  };
  readonly sessions: {
    readonly validate: Query<void, unknown>;
    readonly list: Query<PageFilter, Page<Session>>;
    readonly revoke: Mutation<{ readonly sessionId: SessionId }, unknown>;
    readonly revokeOthers: Mutation<void, { readonly ended: number }>;
    readonly logout: Mutation<void, unknown>;
  };
  readonly profile: { readonly get: Query<void, Profile> };
  readonly universities: {
    readonly list: Query<UniversityFilter, Page<University>>;
    readonly get: Query<{ readonly id: string }, University>;
  };
  readonly courses: {
    readonly list: Query<CourseFilter, Page<Course>>;
    readonly get: Query<{ readonly id: string }, Course>;
  };
  readonly contacts: {
    readonly list: Query<PageFilter, Page<AnyContact>>;
    readonly add: Command<{ readonly userId: UserId; readonly nickname?: string | null }, AnyContact>;
    readonly update: Command<{ readonly userId: UserId } & ContactChange, AnyContact>;
    readonly remove: Command<{ readonly userId: UserId }, unknown>;
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
    readonly send: Command<
      { readonly roomId: RoomId; readonly text: string; readonly replyTo: MessageId | null },
      LogReceipt
    >;
    readonly edit: Command<
      { readonly roomId: RoomId; readonly messageId: MessageId; readonly text: string },
      LogReceipt
    >;
    readonly remove: Command<{ readonly roomId: RoomId; readonly messageId: MessageId }, LogReceipt>;
    readonly react: Command<
      { readonly roomId: RoomId; readonly messageId: MessageId; readonly emoji: string | null },
      unknown
    >;
    readonly markRead: Command<{ readonly roomId: RoomId; readonly position: Position }, unknown>;
  };
  readonly inbox: {
    readonly changes: Query<
      { readonly since: number | null },
      {
        readonly rooms: readonly ChangedRoom[];
        readonly invitations: readonly Invitation[];
        readonly serverNow: number;
      }
    >;
  };
}

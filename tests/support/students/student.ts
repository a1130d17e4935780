import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { RoomHistory, UserId } from "@edvoyage/protocol";
import type { MessageReceipt } from "@edvoyage/server";
import { v7 as uuidv7 } from "uuid";
import type { World } from "../servers/world.ts";

/** A student who is signed in and talks to others. */
export interface Student {
  readonly id: UserId;
  readonly phone: string;
  /** The session's key. */
  readonly token: string;
  readonly rpc: RpcClient;
  /** Sends a message under a new command. */
  send(roomId: string, text: string, replyTo?: string): Promise<MessageReceipt>;
  /** Adds another student to this student's contacts. */
  knows(other: Student): Promise<unknown>;
  /** Blocks another student, who need not be a contact. */
  blocks(other: Student): Promise<unknown>;
  /** Returns the texts of a room, oldest first; `null` for removed messages. */
  texts(roomId: string): Promise<(string | null)[]>;
}

/** Signs in a new student. */
export const createStudent = async (
  world: World,
  options: { readonly phone?: string } = {},
): Promise<Student> => {
  const { user, token, rpc } = await world.device(options).signIn();
  return {
    id: user.id,
    phone: user.phone,
    token,
    rpc,
    send: (roomId, text, replyTo) =>
      rpc.chat.send.mutate({ roomId, text, commandId: uuidv7(), ...(replyTo ? { replyTo } : {}) }),
    knows: (other) => rpc.contacts.add.mutate({ userId: other.id }),
    blocks: (other) => rpc.contacts.update.mutate({ userId: other.id, blocked: true }),
    texts: async (roomId) => {
      const { items } = await rpc.chat.history.query({ roomId, limit: 100 });
      return items.map(({ text }) => text).reverse();
    },
  };
};

/** Opens the direct room of two students. Returns its id. */
export const openDirect = async (one: Student, other: Student): Promise<string> =>
  (await one.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [other.id] })).id;

/** Opens a group in which all are members at once. Returns its id. */
export const openGroup = async (
  owner: Student,
  others: readonly Student[],
  { history = "all" }: { readonly history?: RoomHistory } = {},
): Promise<string> => {
  for (const other of others) await other.knows(owner);
  const memberIds = others.map(({ id }) => id);
  return (await owner.rpc.chat.rooms.create.mutate({ kind: "group", memberIds, name: "Group", history })).id;
};

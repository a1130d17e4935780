import { EdVoyageError } from "../runtime/errors.ts";
import { callListener, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import type { Chat, ChatView, Room, RoomView } from "./api.ts";

/** Creates the chat of the current student. An app may hold on to it while students sign in and out. */
export const createCurrentChat = (current: Observable<{ readonly chat: Chat } | undefined>): Chat => {
  const roomById = new Map<string, Room>();
  const require = (): Chat => {
    if (current.value) return current.value.chat;
    throw new EdVoyageError("signed-out", "Nobody is signed in.");
  };
  const watch = <View>(
    start: (chat: Chat, listener: (view: View) => void) => Unsubscribe,
    { listener, none }: { readonly listener: (view: View) => void; readonly none: View },
  ): Unsubscribe => {
    let owner = current.value;
    let leave: Unsubscribe | undefined;
    const enter = (): void => {
      owner = current.value;
      if (owner) leave = start(owner.chat, listener);
      else callListener(() => listener(none));
    };
    const unsubscribe = current.subscribe(() => {
      if (current.value === owner) return;
      leave?.();
      leave = undefined;
      enter();
    });
    enter();
    return () => {
      unsubscribe();
      leave?.();
    };
  };

  const createRoom = (id: string): Room => {
    const view = (): RoomView => current.value?.chat.room(id) ?? NOT_LOADED;
    return {
      id: id as Room["id"],
      get messages() {
        return view().messages;
      },
      get isLoaded() {
        return view().isLoaded;
      },
      get hasOlder() {
        return view().hasOlder;
      },
      get typingUserIds() {
        return view().typingUserIds;
      },
      watch: (listener) =>
        watch((chat, onView) => chat.room(id).watch(onView), { listener, none: NOT_LOADED }),
      send: async (text, options) => require().room(id).send(text, options),
      edit: async (messageId, text) => require().room(id).edit(messageId, text),
      remove: async (messageId) => require().room(id).remove(messageId),
      react: async (messageId, emoji) => require().room(id).react(messageId, emoji),
      retry: async (messageId) => require().room(id).retry(messageId),
      discard: async (messageId) => require().room(id).discard(messageId),
      markRead: async (position) => require().room(id).markRead(position),
      typing: (isTyping) => current.value?.chat.room(id).typing(isTyping),
      loadOlder: async () => require().room(id).loadOlder(),
      details: async () => require().room(id).details(),
      rename: async (name) => require().room(id).rename(name),
      addMembers: async (userIds) => require().room(id).addMembers(userIds),
      removeMember: async (userId) => require().room(id).removeMember(userId),
      setRole: async (userId, role) => require().room(id).setRole(userId, role),
      leave: async () => require().room(id).leave(),
    };
  };
  const room = (id: string): Room => {
    const existing = roomById.get(id) ?? createRoom(id);
    roomById.set(id, existing);
    return existing;
  };

  return {
    rooms: () => current.value?.chat.rooms() ?? NO_ROOMS.rooms,
    invitations: () => current.value?.chat.invitations() ?? NO_ROOMS.invitations,
    watchRooms: (listener) => watch((chat, onView) => chat.watchRooms(onView), { listener, none: NO_ROOMS }),
    room,
    createRoom: async (input) => room((await require().createRoom(input)).id),
    acceptInvitation: async (roomId) => room((await require().acceptInvitation(roomId)).id),
    declineInvitation: async (roomId) => require().declineInvitation(roomId),
  };
};

const NOT_LOADED: RoomView = { messages: [], isLoaded: false, hasOlder: false, typingUserIds: [] };
const NO_ROOMS: ChatView = { rooms: [], invitations: [] };

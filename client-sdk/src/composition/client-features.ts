import { applications } from "../applications/applications.ts";
import { openChat, type OpenChat } from "../chat/open-chat.ts";
import { contacts } from "../contacts/contacts.ts";
import { notifications } from "../notifications/notifications.ts";
import { push } from "../push/push.ts";
import type { ClientOptions } from "../runtime/client-options.ts";
import { waitUntil } from "../runtime/wait-until.ts";
import { openCoreFeatures } from "./core-features.ts";
import { createSubject, derive, type Observable } from "../runtime/observable.ts";
import { createNotEmptyError } from "../outbox/outbox.ts";
import { social } from "../social/social.ts";
import type { CoreFeatures, OpenFeatures } from "../students/features.ts";
import { createWatchCount, startPolling } from "../sync/polling.ts";
import { createTabShare } from "../sync/tab-share.ts";
import type { Peers } from "../storage/storage.ts";
import { createSockets, type Sockets } from "../sync/sockets.ts";
import { createUserDocument, type UserDocument } from "../sync/user-document.ts";

/** The features of a student in a complete client. */
export interface ClientFeatures extends CoreFeatures {
  readonly chat: OpenChat;
  readonly document: UserDocument;
}

/** The feature modules of a complete client. */
export const clientModules = { applications, contacts, notifications, push, social };

/** Opens a student's documents and rooms in addition to the features of every client. */
export const openClientFeatures =
  ({ url, WebSocket }: Pick<ClientOptions, "url" | "WebSocket">): OpenFeatures<ClientFeatures> =>
  async (context) => {
    const { account } = context;
    const { clock, randomBytes, report, outbox } = account;
    const core = await openCoreFeatures(context, clientModules);
    const { token, canConnect, onNoSession } = context;
    const sockets: Sockets = createSockets({
      url,
      // The provider expects the browser's type but uses only what every WebSocket has.
      WebSocket: WebSocket as typeof globalThis.WebSocket | undefined,
      token,
      canConnect: () => tabs.isLeader.value && canConnect(),
      onNoSession,
      exchange: (input) => account.rpc.documents.exchange.mutate(input),
      clock,
      randomBytes,
      report,
    });
    const tabs = createTabShare({
      peers: account.peers,
      own: () => ({ connection: sockets.state.value, transport: sockets.transport.value }),
    });
    const chat = await openChat({ account, sockets, areas: core.areas, tabs });
    const document = await createUserDocument({
      ...account,
      peers: account.peers && { ...account.peers, peers: withLeader(account.peers.peers, tabs.isLeader) },
      sockets,
      onInboxHint: () => void chat.refresh(),
    }).catch(async (error: unknown) => {
      await chat.close();
      tabs.close();
      sockets.close();
      throw error;
    });
    const { count: watching, counted } = createWatchCount();
    const stopPolling = startPolling({
      clock,
      transport: derive([tabs.status], () => tabs.status.value.transport),
      watching,
      poll: () => Promise.all([chat.refresh(), sockets.exchange()]),
    });
    sockets.state.subscribe(tabs.update);
    sockets.transport.subscribe(tabs.update);
    tabs.isLeader.subscribe(() => {
      if (tabs.isLeader.value) sockets.wake();
      else sockets.disconnect();
    });
    sockets.wake();
    tabs.update();
    const isClosed = createSubject(false);
    /** `flush` waits until this is true. */
    const isFlushed = derive(
      [document.pending, isClosed],
      () => isClosed.value || document.pending.value === 0,
    );
    return {
      ...core,
      reads: { ...core.reads, watch: (query) => counted(core.reads.watch(query)) },
      chat: {
        ...chat,
        view: counted(chat.view),
        room: (roomId) => {
          const room = chat.room(roomId);
          return { ...room, view: counted(room.view) };
        },
      },
      document: {
        ...document,
        entries: {
          favourites: counted(document.entries.favourites),
          settings: counted(document.entries.settings),
        },
      },
      connection: derive([tabs.status], () => tabs.status.value.connection),
      transport: derive([tabs.status], () => tabs.status.value.transport),
      pendingEdits: document.pending,
      editDocument: async ({ root, key, value }) => (await document.edit(root, key, () => value)).id,
      isPendingEdit: document.isPending,
      wake: () => {
        core.wake();
        sockets.wake();
        void chat.refresh();
      },
      flush: async ({ timeoutMs }) => {
        sockets.wake();
        await Promise.all([
          waitUntil(isFlushed, (is) => is, { clock, timeoutMs }),
          outbox.flush({ timeoutMs }),
        ]);
        if (document.pending.value > 0) throw createNotEmptyError(document.pending.value);
      },
      close: async () => {
        isClosed.set(true);
        stopPolling();
        await core.close();
        await chat.close();
        await document.close();
        tabs.close();
        sockets.close();
      },
    };
  };

/** Gives a name to the leader instead of to the first that asks: only the leader has the socket of the document. */
const withLeader = (peers: Peers, isLeader: Observable<boolean>): Peers => ({
  ...peers,
  acquire: (_name, onAcquired) => {
    let lost: AbortController | undefined;
    const update = (): void => {
      if (!isLeader.value) return lost?.abort();
      lost = new AbortController();
      onAcquired(lost.signal);
    };
    if (isLeader.value) update();
    return isLeader.subscribe(update);
  },
});

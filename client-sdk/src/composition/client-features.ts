import { applications } from "../applications/applications.ts";
import { openChat, type OpenChat } from "../chat/open-chat.ts";
import type { ClientOptions } from "../runtime/client-options.ts";
import { waitUntil } from "../runtime/wait-until.ts";
import { openCoreFeatures } from "./core-features.ts";
import { createSubject, derive } from "../runtime/observable.ts";
import { createNotEmptyError } from "../outbox/outbox.ts";
import { social } from "../social/social.ts";
import type { CoreFeatures, OpenFeatures } from "../students/features.ts";
import { createWatchCount, startPolling } from "../sync/polling.ts";
import { createSockets } from "../sync/sockets.ts";
import { createUserDocument, type UserDocument } from "../sync/user-document.ts";

/** The features of a student in a complete client. */
export interface ClientFeatures extends CoreFeatures {
  readonly chat: OpenChat;
  readonly document: UserDocument;
}

/** The feature modules of a complete client. */
export const clientModules = { applications, social };

/** Opens a student's documents and rooms in addition to the features of every client. */
export const openClientFeatures =
  ({ url, WebSocket }: Pick<ClientOptions, "url" | "WebSocket">): OpenFeatures<ClientFeatures> =>
  async (context) => {
    const { account } = context;
    const { clock, randomBytes, report, outbox } = account;
    const core = await openCoreFeatures(context, clientModules);
    const { token, canConnect, onNoSession } = context;
    const sockets = createSockets({
      url,
      // The provider expects the browser's type but uses only what every WebSocket has.
      WebSocket: WebSocket as typeof globalThis.WebSocket | undefined,
      token,
      canConnect,
      onNoSession,
      exchange: (input) => account.rpc.documents.exchange.mutate(input),
      clock,
      randomBytes,
      report,
    });
    const chat = await openChat({ account, sockets, areas: core.areas });
    const document = await createUserDocument({
      ...account,
      sockets,
      onInboxHint: () => void chat.refresh(),
    }).catch(async (error: unknown) => {
      await chat.close();
      sockets.close();
      throw error;
    });
    const { count: watching, counted } = createWatchCount();
    const stopPolling = startPolling({
      clock,
      transport: sockets.transport,
      watching,
      poll: () => Promise.all([chat.refresh(), sockets.exchange()]),
    });
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
      connection: sockets.state,
      transport: sockets.transport,
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
        sockets.close();
      },
    };
  };

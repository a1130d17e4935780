import { applications } from "./applications/applications.ts";
import { createChat, type ChatService } from "./chat/chat.ts";
import type { CoreFeatures } from "./client.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { waitUntil } from "./runtime/wait-until.ts";
import { openCoreFeatures } from "./core-features.ts";
import { createFavourites, type FavouritesService } from "./favourites/favourites.ts";
import { createSubject, derive } from "./runtime/observable.ts";
import { notEmpty } from "./outbox/outbox.ts";
import { createSettings, type SettingsService } from "./settings/settings.ts";
import { social } from "./social/social.ts";
import type { OpenFeatures } from "./students/open-student.ts";
import { createSockets } from "./sync/sockets.ts";
import { createUserDocument } from "./sync/user-document.ts";

/** What a student has in a client with everything. */
export interface ClientFeatures extends CoreFeatures {
  readonly chat: ChatService;
  readonly favourites: FavouritesService;
  readonly settings: SettingsService;
}

/** What a client with everything has of areas. */
export const clientModules = { applications, social };

/** Opens a student's documents and rooms beside what every client has. */
export const openClientFeatures =
  ({ url, WebSocket }: Pick<ClientOptions, "url" | "WebSocket">): OpenFeatures<ClientFeatures> =>
  async (context) => {
    const { account } = context;
    const { clock, randomBytes, report, outbox } = account;
    const core = await openCoreFeatures(context, clientModules);
    const { token, canConnect, onNoSession } = context;
    const sockets = createSockets({
      url,
      // The provider's type is the browser's; it uses no more than what any WebSocket has.
      WebSocket: WebSocket as typeof globalThis.WebSocket | undefined,
      token,
      canConnect,
      onNoSession,
      clock,
      randomBytes,
      report,
    });
    const chat = await createChat({ account, sockets, areas: core.areas });
    const document = await createUserDocument({
      ...account,
      sockets,
      onInboxHint: () => void chat.refresh(),
    }).catch(async (error: unknown) => {
      await chat.close();
      sockets.close();
      throw error;
    });
    const isClosed = createSubject(false);
    /** What `flush` waits for. */
    const isOver = derive([document.pending, isClosed], () => isClosed.value || document.pending.value === 0);
    return {
      ...core,
      chat,
      favourites: createFavourites(document, account),
      settings: createSettings(document),
      connection: sockets.state,
      pendingEdits: document.pending,
      editDocument: async ({ root, key, value }) => {
        await document.edit(root, key, () => value);
      },
      wake: () => {
        core.wake();
        sockets.wake();
        void chat.refresh();
      },
      flush: async ({ timeoutMs }) => {
        sockets.wake();
        await Promise.all([waitUntil(isOver, (is) => is, { clock, timeoutMs }), outbox.flush({ timeoutMs })]);
        if (document.pending.value > 0) throw notEmpty(document.pending.value);
      },
      close: async () => {
        isClosed.set(true);
        await core.close();
        await chat.close();
        await document.close();
        sockets.close();
      },
    };
  };

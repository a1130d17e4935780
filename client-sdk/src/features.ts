import { createChat, type ChatService } from "./chat/chat.ts";
import type { CoreFeatures } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import type { Clock } from "./clock.ts";
import { openCoreFeatures } from "./core-features.ts";
import { EdVoyageError } from "./errors.ts";
import { createFavourites, type FavouritesService } from "./favourites/favourites.ts";
import { createSettings, type SettingsService } from "./settings/settings.ts";
import type { OpenFeatures } from "./students/open-student.ts";
import { createSockets } from "./sync/sockets.ts";
import { createUserDocument } from "./sync/user-document.ts";

/** What a student has in a client with everything. */
export interface ClientFeatures extends CoreFeatures {
  readonly chat: ChatService;
  readonly favourites: FavouritesService;
  readonly settings: SettingsService;
}

/** Opens a student's documents and rooms beside what every client has. */
export const openClientFeatures =
  ({ url, WebSocket }: Pick<ClientOptions, "url" | "WebSocket">): OpenFeatures<ClientFeatures> =>
  async (context) => {
    const { account } = context;
    const { clock, randomBytes, report, outbox } = account;
    const core = await openCoreFeatures(context);
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
    const chat = await createChat({ account, sockets });
    const document = await createUserDocument({
      ...account,
      sockets,
      onInboxHint: () => void chat.refresh(),
    });
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
        await Promise.all([
          outbox.flush({ timeoutMs }),
          flushDocument(document.pending, { timeoutMs, clock }),
        ]);
      },
      close: async () => {
        await core.close();
        await chat.close();
        await document.close();
        sockets.close();
      },
    };
  };

/** Resolves when no edit waits for the server any more. */
const flushDocument = (
  pending: ClientFeatures["pendingEdits"] & object,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: Clock },
): Promise<void> =>
  new Promise((resolve, reject) => {
    if (pending.value === 0) return resolve();
    const end = (): void => {
      cancel();
      unsubscribe();
    };
    const cancel = clock.after(timeoutMs, () => {
      end();
      const left = pending.value;
      reject(
        new EdVoyageError("outbox/not-empty", "Not all has reached the server yet.", { details: { left } }),
      );
    });
    const unsubscribe = pending.subscribe(() => {
      if (pending.value > 0) return;
      end();
      resolve();
    });
  });

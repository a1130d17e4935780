import type { ClientOptions } from "./client-options.ts";
import { createOptionError } from "./valid-input.ts";

/**
 * Throws `input/invalid` if neither the platform nor the options provide what a complete client needs. `ready()` calls it, because a
 * client may be created where it never opens, such as on a server that renders pages.
 */
export const assertPlatform = (options: ClientOptions): void => {
  const { crypto, fetch, WebSocket }: Partial<typeof globalThis> = globalThis;
  const found = {
    fetch: options.fetch ?? fetch,
    randomBytes: options.randomBytes ?? crypto,
    WebSocket: options.WebSocket ?? WebSocket,
  };
  for (const [name, value] of Object.entries(found))
    if (!value) throw createOptionError(name, "Missing on this platform: pass one.");
};

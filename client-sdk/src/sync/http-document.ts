import type { CloseCode } from "@edvoyage/protocol";
import type * as Y from "yjs";
import { loadOnDemand } from "../runtime/load-on-demand.ts";
import { callListener } from "../runtime/observable.ts";
import type { DocumentExchange, ExchangeCall, ExchangeOutcome } from "./document-exchange.ts";

/** A document that is synchronized by HTTP while it has no socket. */
export interface HttpDocument {
  /** Whether it is synchronized by HTTP now. */
  readonly isSynced: boolean;
  exchange(call: ExchangeCall): Promise<ExchangeOutcome>;
  /** Calls `onSynced` if the document was exchanged and HTTP is the transport, once. */
  announce(): void;
  /** Resolves after an exchange that begins from now on, unless `wait` ends first. */
  raceExchange(wait: Promise<void>): Promise<void>;
  /** Stops, because the document has a socket or was closed. A later `exchange` begins anew. */
  stop(): void;
}

export interface HttpDocumentDeps {
  readonly doc: Y.Doc;
  /** Whether HTTP is the transport. */
  readonly isActive: () => boolean;
  readonly onSynced: () => void;
  /** Called when the server refuses the document. */
  readonly onRefused: (code: CloseCode) => void;
}

/** Creates the HTTP side of a document; it sends nothing before `exchange`. */
export const createHttpDocument = ({
  doc,
  isActive,
  onSynced,
  onRefused,
}: HttpDocumentDeps): HttpDocument => {
  let current: DocumentExchange | undefined;
  let stops = 0;
  let isExchanged = false;
  let isAnnounced = false;
  /** Called when everything that the document has now is on the server. */
  let waiting: readonly (() => void)[] = [];

  const announce = (): void => {
    if (!isExchanged || isAnnounced || !isActive()) return;
    isAnnounced = true;
    callListener(onSynced);
  };

  return {
    get isSynced() {
      return isExchanged && isActive();
    },
    announce,
    exchange: async (call) => {
      const stopsBefore = stops;
      // Few networks need it. If it cannot be loaded, the server is as far away as if the exchange had failed.
      const loaded = await loadOnDemand(() => import("./document-exchange.ts")).catch(() => undefined);
      if (!loaded || stopsBefore !== stops) return "failed";
      const exchange = (current ??= loaded.createDocumentExchange(doc, call));
      const served = waiting;
      const outcome = await exchange.run();
      // Stopped in the meantime.
      if (current !== exchange || outcome === "failed") return outcome;
      if (outcome === "done") {
        isExchanged = true;
        for (const resolve of served) resolve();
        announce();
      } else onRefused(outcome);
      return outcome;
    },
    raceExchange: async (wait) => {
      let resolve = (): void => {};
      const exchanged = new Promise<void>((done) => {
        resolve = done;
      });
      waiting = [...waiting, resolve];
      try {
        await Promise.race([wait, exchanged]);
      } finally {
        waiting = waiting.filter((one) => one !== resolve);
      }
    },
    stop: () => {
      stops += 1;
      current?.close();
      current = undefined;
      isExchanged = false;
      isAnnounced = false;
    },
  };
};

import { z } from "zod";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { DocumentExchange } from "./document-exchange.ts";

const bytes = z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64")));

/** The own user document, for networks without WebSockets. */
export const createDocumentsRouter = ({
  documentExchange,
}: {
  readonly documentExchange: DocumentExchange;
}) =>
  router({
    exchange: sessionProcedure
      .meta({ reasons: ["conflict", "limit/reached"] })
      .input(
        z.object({
          update: bytes.nullish().transform((given) => given ?? undefined),
          stateVector: bytes,
        }),
      )
      .mutation(async ({ ctx: { caller }, input }) => {
        const update = await documentExchange.exchange(caller.user.id, input);
        return { update: Buffer.from(update).toString("base64") };
      }),
  });

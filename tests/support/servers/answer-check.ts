import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { IncomingMessage, ServerResponse } from "node:http";
import { answerSchemas } from "@edvoyage/protocol/answer-schemas";
import { commonReasons, type Server } from "@edvoyage/server/app";
import { z } from "zod";

/** Compares every answer of a server with its declaration, whichever client receives it. */
export interface AnswerCheck {
  /** The procedures with at least one successful answer so far. */
  readonly answered: ReadonlySet<string>;
  /** Stops the check. Throws if an answer did not fit its declaration. */
  finish(): void;
}

/** Node publishes every request here before the server sees it. */
const CHANNEL = "http.server.request.start";
const TRPC_PREFIX = "/trpc/";

/**
 * Checks the answers of the server that listens at `url` in this process: a successful one must have the shape of its
 * schema, without another field, and a refusal must have a reason that its procedure declares. Answers in streams are not
 * checked.
 */
export const checkAnswers = ({
  url,
  procedures,
}: Pick<Server, "procedures"> & { readonly url: string }): AnswerCheck => {
  const port = Number(new URL(url).port);
  const answered = new Set<string>();
  const faults = new Set<string>();
  const schemas: Readonly<Record<string, z.ZodType>> = answerSchemas;
  const reasonsByPath = new Map(
    procedures.map((procedure) => [
      procedure.path,
      new Set<string>([...procedure.reasons, ...commonReasons(procedure)]),
    ]),
  );

  const checkEnvelope = (path: string, envelope: Envelope): void => {
    const reasons = reasonsByPath.get(path);
    if (!reasons) return;
    if ("error" in envelope) {
      const { reason } = envelope.error.data;
      if (reason !== undefined && !reasons.has(reason))
        faults.add(`${path} refused a call for ${reason}, which it does not declare`);
      return;
    }
    answered.add(path);
    const parsed = schemas[path]?.safeParse(envelope.result.data);
    if (!parsed?.success)
      faults.add(`${path}: ${parsed ? z.prettifyError(parsed.error) : "has no schema of its answer"}`);
  };

  const onRequest = (message: unknown): void => {
    const { data: exchange } = exchangeShape.safeParse(message);
    if (exchange?.request.socket.localPort !== port) return;
    const { request, response } = exchange;
    const target = request.url ?? "";
    const isCall = request.method === "GET" || request.method === "POST";
    if (!isCall || !target.startsWith(TRPC_PREFIX)) return;
    const end = response.end.bind(response);
    Object.assign(response, {
      end: (body?: unknown, ...rest: unknown[]): unknown => {
        // Not by its content type: headers that are given to `writeHead` cannot be read.
        if (typeof body === "string" && body !== "") {
          const paths = target.slice(TRPC_PREFIX.length).split("?", 1)[0]?.split(",") ?? [];
          for (const [index, envelope] of envelopesShape.parse(JSON.parse(body)).entries())
            checkEnvelope(paths[index] ?? "", envelope);
        }
        return Reflect.apply(end, response, [body, ...rest]);
      },
    });
  };

  subscribe(CHANNEL, onRequest);
  return {
    answered,
    finish: () => {
      unsubscribe(CHANNEL, onRequest);
      if (faults.size === 0) return;
      throw new Error(
        `Answers that differ from their declaration in protocol/src/answer-schemas/ or in their router:\n${[...faults].join("\n")}`,
      );
    },
  };
};

const exchangeShape = z.object({
  request: z.instanceof(IncomingMessage),
  response: z.instanceof(ServerResponse),
});

const envelopeShape = z.union([
  z.object({ result: z.object({ data: z.unknown() }) }),
  z.object({ error: z.object({ data: z.object({ reason: z.string().optional() }) }) }),
]);
type Envelope = z.output<typeof envelopeShape>;
/** A request with several calls gets a list. */
const envelopesShape = z.union([z.array(envelopeShape), envelopeShape.transform((envelope) => [envelope])]);

import { withTimeout } from "@edvoyage/protocol";
import { z } from "zod";
import type { PushMessage, PushOutcome, PushProvider, PushReceipts } from "./provider.ts";
import { retryAfterOf } from "./retry-after.ts";

export interface ExpoConfig {
  /** The origin of the service, without a path. `parseConfig` defaults to `https://exp.host`. */
  readonly url: string;
  /** Required if the project has "enhanced security for push notifications". */
  readonly accessToken: string | undefined;
}

export interface ExpoOptions extends ExpoConfig {
  /** Timeout of one request, in milliseconds. Default: 15,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
/** Errors of one message for which a retry is pointless. */
const FINAL_ERRORS = new Set(["MessageTooBig", "MismatchSenderId", "InvalidCredentials"]);

const problem = z.object({ error: z.string().optional() }).optional();
const ticket = z.discriminatedUnion("status", [
  z.object({ status: z.literal("ok"), id: z.string() }),
  z.object({ status: z.literal("error"), details: problem }),
]);
const receipt = z.discriminatedUnion("status", [
  z.object({ status: z.literal("ok") }),
  z.object({ status: z.literal("error"), details: problem }),
]);
const sendAnswer = z.object({ data: z.array(ticket) });
const receiptsAnswer = z.object({ data: z.record(z.string(), receipt) });

/**
 * Sends pushes with Expo's push service (https://docs.expo.dev/push-notifications/sending-notifications/): up to 100
 * messages a request, a ticket for each, and a receipt for each ticket 15 minutes later. A request that is refused as a
 * whole is split in halves, so that one token of another project does not hold up the others.
 */
export const createExpoPush = ({
  url,
  accessToken,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: ExpoOptions): PushProvider => {
  const post = (path: string, body: unknown, callerSignal: AbortSignal): Promise<Answer> =>
    withTimeout({ timeoutMs, signal: callerSignal }, async (signal) => {
      const response = await fetch(`${url}/--/api/v2/push/${path}`, {
        method: "POST",
        redirect: "error",
        signal,
        headers: {
          accept: "application/json",
          "content-type": "application/json",
          ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
        },
        body: JSON.stringify(body),
      });
      const { status } = response;
      if (response.ok) return { state: "taken", json: await response.json() };
      await response.body?.cancel();
      return { state: "not-taken", status, retryAfterMs: retryAfterOf(response) };
    });

  const send = async (messages: readonly PushMessage[], signal: AbortSignal): Promise<PushOutcome[]> => {
    const answer = await post("send", messages.map(toExpo), signal);
    if (answer.state === "taken") {
      const { data } = sendAnswer.parse(answer.json);
      return messages.map((_message, index) => {
        const answered = data[index];
        if (!answered) return { state: "failed", error: "no-ticket" };
        return answered.status === "ok"
          ? { state: "taken", ticket: answered.id }
          : errorToOutcome(answered.details?.error);
      });
    }
    const { status, retryAfterMs } = answer;
    if (status === 400 && messages.length > 1) {
      const half = Math.ceil(messages.length / 2);
      return [
        ...(await send(messages.slice(0, half), signal)),
        ...(await send(messages.slice(half), signal)),
      ];
    }
    const error = `http-${status}`;
    return messages.map(() =>
      status === 400 ? { state: "refused", error } : { state: "failed", error, retryAfterMs },
    );
  };

  return {
    name: "expo",
    batchSize: 100,
    serves: ["expo"],
    send,
    receipts: async (tickets, signal): Promise<PushReceipts> => {
      const answer = await post("getReceipts", { ids: tickets }, signal);
      if (answer.state === "not-taken")
        throw new Error(`Expo answered ${answer.status} to the request for receipts`);
      const { data } = receiptsAnswer.parse(answer.json);
      return new Map(
        Object.entries(data).map(([id, one]) => [
          id,
          one.status === "ok" ? { state: "delivered" } : errorToOutcome(one.details?.error),
        ]),
      );
    },
  };
};

/** A complete answer: its body is read within the timeout. */
type Answer =
  | { readonly state: "taken"; readonly json: unknown }
  | { readonly state: "not-taken"; readonly status: number; readonly retryAfterMs: number | undefined };

const toExpo = ({ token, platform, title, body, data, collapseId }: PushMessage) => ({
  to: token,
  title,
  body,
  data,
  sound: "default",
  priority: "high",
  // On Android a `collapseId` is a collapse key of FCM. FCM stores only four of them for each device, and a student has
  // more rooms.
  ...(platform === "ios" ? { collapseId, threadId: collapseId } : { tag: collapseId }),
});

const errorToOutcome = (error = "unknown") => {
  if (error === "DeviceNotRegistered") return { state: "gone" } as const;
  return FINAL_ERRORS.has(error)
    ? ({ state: "refused", error } as const)
    : ({ state: "failed", error } as const);
};

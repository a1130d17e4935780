import { randomUUID } from "node:crypto";
import { somePhone } from "../servers/world.ts";

/** The headers of every reply, whatever it answers. */
export const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Returns a code request with a new number and a new device. */
export const codeRequest = () => ({ phone: somePhone(), deviceId: randomUUID() });

/** The parts of a plain request. Default: an empty JSON object by POST. */
export interface PostOptions {
  readonly body?: NonNullable<RequestInit["body"]>;
  readonly method?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly connection?: "close";
  readonly token?: string;
  readonly forwardedFor?: string;
  readonly signal?: AbortSignal;
}

/** Sends a request as a program without the SDK would. */
export const post = (url: string, path: string, options: PostOptions): Promise<Response> => {
  const {
    body = "{}",
    method = "POST",
    contentType = "application/json",
    accept,
    connection,
    token,
    forwardedFor,
    signal,
  } = options;
  return fetch(`${url}/trpc/${path}`, {
    method,
    headers: {
      "content-type": contentType,
      ...(accept ? { accept } : {}),
      ...(connection ? { connection } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(forwardedFor ? { "x-forwarded-for": forwardedFor } : {}),
    },
    body,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    ...(signal ? { signal } : {}),
  });
};

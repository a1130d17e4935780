import { REASON_STATUSES, SERVER_HEADER, SERVER_HEADER_VALUE, type Reason } from "@edvoyage/protocol";
import { EdVoyageError, type ErrorReason } from "../runtime/errors.ts";
import { retryAfterSecondsOf } from "./retry-after.ts";

/** The longest wait that an answer of the server may ask for in its header, in seconds: a day. */
const MAX_OWN_WAIT_SECONDS = 86_400;
/** The longest wait that any other answer may ask for, in seconds: a proxy must not stop an app for hours. */
const MAX_FOREIGN_WAIT_SECONDS = 300;

/**
 * Returns the data of the server's answer, or throws the server's error. An answer counts only with the server's header, and
 * with a status and a shape that belong together. Throws `offline` with the `status` for any other answer, and a `SyntaxError` for a body that is
 * not JSON: a proxy or a portal that answers instead of the server must not decide about a command or a session. An error has
 * `details.retryAfterSeconds` if the answer asks for a wait; without the server's header only with status 429 or 503.
 */
export const parseAnswer = (
  response: Response,
  { text, address, now }: { readonly text: string; readonly address: string; readonly now: number },
): unknown => {
  const { ok, status } = response;
  const envelope = isOwn(response, address) && toFields(JSON.parse(text));
  if (envelope && isSuccess(envelope, ok)) return toFields(envelope["result"])["data"];
  const error = envelope && toServerError(envelope, status);
  const maySayWait = error || status === 429 || status === 503;
  const maxSeconds = error ? MAX_OWN_WAIT_SECONDS : MAX_FOREIGN_WAIT_SECONDS;
  const retryAfterSeconds = maySayWait ? retryAfterSecondsOf(response, { now, maxSeconds }) : undefined;
  const { reason, message, details } =
    error ||
    new EdVoyageError("offline", "The response did not come from an EdVoyage server.", {
      details: { status },
    });
  throw new EdVoyageError(reason, message, {
    details: retryAfterSeconds === undefined ? details : { retryAfterSeconds, ...details },
  });
};

/**
 * Returns whether a body is an answer of the server with this status: to one call, or to several calls in one request. The
 * response itself must already be the server's.
 */
export const isAnswer = (body: unknown, { ok, status }: Pick<Response, "ok" | "status">): boolean => {
  const envelopes: readonly unknown[] = Array.isArray(body) ? body : [body];
  return envelopes.map(toFields).every((envelope) => {
    // The calls of one request may end differently. Each then has a status of its own.
    const own = status === 207 ? toFields(toFields(envelope["error"])["data"])["httpStatus"] : status;
    return isSuccess(envelope, ok) || (typeof own === "number" && toServerError(envelope, own) !== undefined);
  });
};

/**
 * Returns whether the server gave this response to a request to `address`. It never redirects, and React Native follows redirects
 * without saying so: the response then has the URL of another origin.
 */
export const isOwn = ({ headers, redirected, url }: Response, address: string): boolean =>
  headers.get(SERVER_HEADER) === SERVER_HEADER_VALUE && !redirected && isSameOrigin(url, address);

const isSameOrigin = (url: string, address: string): boolean =>
  // Platforms differ in how they write names with other letters.
  !url || !/^[ -~]*$/.test(address) || originOf(url) === originOf(address);

/** Returns the scheme, the host and the port, except a default one. React Native's `URL` cannot do this. */
const originOf = (address: string): string =>
  address
    .toLowerCase()
    .split("/", 3)
    .join("/")
    .replace(/:(?:80|443)$/, "");

const isSuccess = ({ result }: Fields, ok: boolean): boolean => ok && isFields(result) && "data" in result;

/** Returns the error of an error answer; `undefined` for an answer that the server never gives with this status. */
const toServerError = ({ error }: Fields, status: number): EdVoyageError | undefined => {
  const { message, data } = toFields(error);
  const { reason, details } = toFields(data);
  if (status < 400 || typeof message !== "string" || !isFields(details)) return undefined;
  const clientReason = toReason(reason, status);
  // Apps may know a reason that this SDK does not.
  const serverReason = clientReason !== reason && reason !== undefined ? { reason } : {};
  return (
    clientReason && new EdVoyageError(clientReason, message, { details: { ...details, ...serverReason } })
  );
};

/** Returns the SDK's reason for an error answer; `undefined` when the server never sends this reason with this status. */
const toReason = (reason: unknown, status: number): ErrorReason | undefined => {
  if (isReason(reason)) {
    // HTTP has its own status for a body over the limit. The server's 405 and 415 are deliberately missing: this SDK receives them
    // only if something changes its request on the way, such as a redirect that turns a POST into a GET.
    const isExpected = status === REASON_STATUSES[reason] || (status === 413 && reason === "limit/reached");
    return isExpected ? reason : undefined;
  }
  // Only a bug of the server has no reason.
  if (reason === undefined) return status === 500 ? "server/failed" : undefined;
  if (typeof reason !== "string") return undefined;
  // A reason from a newer server: the status says whether waiting helps. Otherwise ten tries decide. Neither ends a session.
  return status === 429 || status > 500 ? "server/unavailable" : "server/failed";
};

const isReason = (reason: unknown): reason is Reason =>
  Object.keys(REASON_STATUSES).some((name) => name === reason);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

const toFields = (value: unknown): Fields => (isFields(value) ? value : {});

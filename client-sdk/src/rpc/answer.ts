import { REASON_STATUSES, SERVER_HEADER, SERVER_HEADER_VALUE, type Reason } from "@edvoyage/protocol";
import { EdVoyageError, type ErrorReason } from "../runtime/errors.ts";

/**
 * Returns the data of the server's answer, or throws the server's error. An answer counts only with the server's header, and
 * with a status and a shape that belong together. Throws `offline` with the `status` for any other answer, and a `SyntaxError` for a body that is
 * not JSON: a proxy or a portal that answers instead of the server must not decide about a command or a session.
 */
export const parseAnswer = ({ headers, ok, redirected, status }: Response, text: string): unknown => {
  const isMarked = headers.get(SERVER_HEADER) === SERVER_HEADER_VALUE && !redirected;
  const { result, error } = toFields(isMarked && JSON.parse(text));
  if (ok && isFields(result) && "data" in result) return result["data"];
  const { message, data } = toFields(error);
  const { reason, details } = toFields(data);
  if (!ok && typeof message === "string" && isFields(details)) {
    const clientReason = toReason(reason, status);
    // Apps may know a reason that this SDK does not.
    const serverReason = clientReason !== reason && reason !== undefined ? { reason } : {};
    if (clientReason)
      throw new EdVoyageError(clientReason, message, { details: { ...details, ...serverReason } });
  }
  throw new EdVoyageError("offline", "The response did not come from an EdVoyage server.", {
    details: { status },
  });
};

/** Returns the SDK's reason for an error answer; `undefined` when the server never sends this reason with this status. */
const toReason = (reason: unknown, status: number): ErrorReason | undefined => {
  if (isReason(reason)) {
    // HTTP has its own status for a body over the limit. The server's 405 and 415 are deliberately missing: this SDK receives them
    // only if something changes its request on the way, such as a redirect that turns a POST into a GET.
    const isOwn = status === REASON_STATUSES[reason] || (status === 413 && reason === "limit/reached");
    return isOwn ? reason : undefined;
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

/** Errors of a connection that was never made. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** Checks whether an error of `fetch` means that the request never reached the receiver. */
export const isNotConnected = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    typeof cause === "object" && cause !== null && "code" in cause && NOT_CONNECTED.has(String(cause.code))
  );
};

/** Errors of a connection that was never made. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** Whether what `fetch` threw means that the receiver has seen nothing of the request. */
export const isNotConnected = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    typeof cause === "object" && cause !== null && "code" in cause && NOT_CONNECTED.has(String(cause.code))
  );
};

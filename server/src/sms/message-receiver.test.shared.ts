import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { expect, onTestFinished } from "vitest";
import type { SmsMessage } from "./sms.ts";

/** The secret of a provider. */
export const SECRET = "wJ4nHc6Rk0";

/** A message with a code. */
export const MESSAGE: SmsMessage = {
  to: "+919876543210",
  text: "482915 is your EdVoyage code.\n@edvoyage.app #482915",
  code: "482915",
  id: "01990000-0000-7000-8000-000000000001",
  at: Date.UTC(2026, 8, 1, 8),
};

/** Starts a server on a free port, which calls `onRequest` with complete requests. Stops when the test finishes. */
export const listen = async (
  onRequest: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => onRequest(request, body, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  onTestFinished(stop);
  const address = server.address();
  if (typeof address !== "object" || !address) return expect.fail("the receiver has no port");
  return { url: `http://127.0.0.1:${address.port}`, stop };
};

/** Returns the error with which a message fails. */
export const failureOf = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail("the message was taken"),
    (error: unknown) => (error instanceof Error ? error : expect.fail("no error was thrown")),
  );

/** Returns the texts of an error and of its causes. */
export const messagesOf = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : String(error);

import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { answerClientError } from "./answer-header.ts";

const answerTo = async (code: string | undefined): Promise<string> => {
  const socket = new PassThrough();
  const answered = socket.setEncoding("latin1").toArray();
  answerClientError(Object.assign(new Error("broken"), code === undefined ? {} : { code }), socket);
  return (await answered).join("");
};

test.each([
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "413 Payload Too Large"],
  ["HPE_INVALID_METHOD", "400 Bad Request"],
  [undefined, "400 Bad Request"],
])("answers the client error %s with %s and the server's header", async (code, status) => {
  const answer = await answerTo(code);

  expect(answer).toMatch(`HTTP/1.1 ${status}\r\n`);
  expect(answer).toContain("\r\nx-edvoyage: 1\r\n");
});

test("writes no answer to a connection that was reset and closes it", () => {
  const socket = new PassThrough();

  answerClientError(Object.assign(new Error("reset"), { code: "ECONNRESET" }), socket);

  expect(socket.destroyed).toBe(true);
  expect(socket.read()).toBeNull();
});

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** An answer as it arrived over a plain TCP connection. */
export interface RawAnswer {
  readonly status: number;
  /** Every header with its name in lower case, in order, including repeated ones. */
  readonly headers: readonly (readonly [string, string])[];
}

/** Opens a TCP connection on which a test can write any bytes. */
export const connectBare = async (url: string): Promise<Socket> => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
};

/** Sends these bytes on a new connection and reads the head of the first answer. */
export const exchangeRaw = async (url: string, bytes: string): Promise<RawAnswer> => {
  const socket = await connectBare(url);
  socket.write(bytes);
  const [head = ""] = (await readUntil(socket, "\r\n\r\n")).split("\r\n\r\n");
  socket.destroy();
  return parseHead(head);
};

/** Reads until this text has arrived `times` times. Rejects if the connection ends earlier. */
export const readUntil = (socket: Socket, text: string, times = 1): Promise<string> =>
  new Promise((resolve, reject) => {
    let received = "";
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      if (received.split(text).length > times) resolve(received);
    });
    socket.on("error", () => {});
    socket.on("close", () => reject(new Error(`The connection ended after: ${received}`)));
  });

export const parseHead = (head: string): RawAnswer => {
  const [statusLine = "", ...lines] = head.split("\r\n");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: lines.map((line) => {
      const end = line.indexOf(": ");
      return [line.slice(0, end).toLowerCase(), line.slice(end + 2)];
    }),
  };
};

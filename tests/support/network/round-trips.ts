import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Waits for several round trips through this machine's network. That is longer than any effect of an earlier action
 * takes here, so what has not happened by then will not happen.
 */
export const roundTrips = async (count = 20): Promise<void> => {
  const echo = createServer((socket) => void socket.pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const address = echo.address();
  if (typeof address !== "object" || !address) throw new Error("The echo has no port");
  const socket = connect(address.port, "127.0.0.1");
  for (let trip = 0; trip < count; trip += 1) {
    socket.write("?");
    await once(socket, "data");
  }
  socket.destroy();
  echo.close();
};

// The code of a browser app that uses only the stock client, without the SDK.
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

globalThis.connect = ({ url, name, protocols }) => {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, name, doc, { protocols, disableBc: true });
  const events = doc.getArray("events");
  const show = () => {
    document.querySelector("#events").textContent = events
      .toArray()
      .filter((event) => event[1] === "message")
      .map((event) => event[5])
      .join("\n");
  };
  events.observe(show);
  provider.on("connection-close", (event) => {
    document.querySelector("#closed").textContent = String(event?.code ?? "");
  });
};

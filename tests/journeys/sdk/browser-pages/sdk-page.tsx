// A browser app with the README's screens and the newest room, and functions that tests call without a screen.
import { createClient, type Client } from "@edvoyage/client-sdk";
import { browserAppState, browserNetwork, createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { EdVoyageProvider, useRooms } from "@edvoyage/client-sdk/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "../../../examples/screens.tsx";

declare global {
  var client: Client;
  /** Returns the databases of this origin in which any record contains these words. */
  var databasesWith: (words: string) => Promise<string[]>;
  /** Writes until the browser's quota is full. */
  var fillDisk: () => Promise<void>;
  var emptyDisk: () => Promise<void>;
}

const Page = () => {
  const [room] = useRooms().rooms;
  return (
    <>
      {room && <h1>{room.name ?? "A room"}</h1>}
      <App client={client} {...(room ? { roomId: room.id } : {})} />
    </>
  );
};

globalThis.client = createClient({
  url: new URLSearchParams(location.search).get("server") ?? "",
  storage: createIndexedDbStorage(),
  network: browserNetwork(),
  appState: browserAppState(),
  platform: "web",
  onProblem: ({ kind, message, cause }) => reportError(new Error(`${kind}: ${message} ${String(cause)}`)),
});

// Reads the databases without the SDK, which would not show records that it has set aside.
globalThis.databasesWith = async (words) => {
  const found: string[] = [];
  for (const { name = "" } of await indexedDB.databases()) {
    const texts = await textsIn(name);
    if (texts.some((text) => text.includes(words))) found.push(name);
  }
  return found;
};

const textsIn = (name: string): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    // The database was deleted in the meantime: abort, so that opening it does not create it again.
    opening.onupgradeneeded = () => opening.transaction?.abort();
    opening.onerror = () => resolve([]);
    opening.onsuccess = () => {
      const { result: database } = opening;
      database.onversionchange = () => database.close();
      const reading = database.transaction("records").objectStore("records").getAll();
      reading.onerror = () => reject(reading.error);
      reading.onsuccess = () => {
        database.close();
        resolve(reading.result.map((bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes)));
      };
    };
  });

/** The largest size that `crypto.getRandomValues` accepts. */
const PIECE_BYTES = 65_536;
const ballast = createIndexedDbStorage({ prefix: "ballast" });

globalThis.fillDisk = async () => {
  const store = await ballast.open("ballast");
  const isFull = (piece: number): Promise<boolean> =>
    store.write([{ key: `${piece}`, value: crypto.getRandomValues(new Uint8Array(PIECE_BYTES)) }]).then(
      () => false,
      () => true,
    );
  // The browser grants space that it believed to be free before it measures again.
  for (let piece = 0; !(await isFull(piece)); piece += 1);
};

globalThis.emptyDisk = () => ballast.delete("ballast");

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <StrictMode>
    <EdVoyageProvider client={client}>
      <Page />
    </EdVoyageProvider>
  </StrictMode>,
);

// An app that shows what has become of its storage. `?fallback=memory` lets it go on without a disk.
import { createClient, type Client } from "@edvoyage/client-sdk";
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { EdVoyageProvider, useReady, useReadyError, useSyncStatus } from "@edvoyage/client-sdk/react";
import { createRoot } from "react-dom/client";

declare global {
  var client: Client;
  /** The kinds of the problems that the client has reported. */
  var problems: string[];
}

const parameters = new URLSearchParams(location.search);
const isInMemory = parameters.get("fallback") === "memory";
globalThis.problems = [];
globalThis.client = createClient({
  url: parameters.get("server") ?? "",
  storage: createIndexedDbStorage(isInMemory ? { fallback: "memory" } : {}),
  platform: "web",
  onProblem: ({ kind }) => problems.push(kind),
});

const Screen = () => {
  const isReady = useReady();
  const error = useReadyError();
  const { auth, storage } = useSyncStatus();
  return <p>{isReady ? `${auth}, ${storage}` : (error?.reason ?? "…")}</p>;
};

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <EdVoyageProvider client={client} onError={() => {}}>
    <Screen />
  </EdVoyageProvider>,
);

import { createClient } from "@edvoyage/client-sdk";
import { browserAppState, browserNetwork, createIndexedDbStorage } from "@edvoyage/client-sdk/browser";

export const client = createClient({
  url: "https://api.edvoyage.example",
  storage: createIndexedDbStorage(),
  network: browserNetwork(),
  appState: browserAppState(),
  platform: "web",
});

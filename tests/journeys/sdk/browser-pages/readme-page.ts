// The browser example of the README, unchanged except for the server's address.
import { client } from "../../../examples/browser.ts";

declare global {
  var readmeClient: typeof client;
}

globalThis.readmeClient = client;

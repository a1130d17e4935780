// The example of the README for a browser, as it stands there but for the server's address.
import { client } from "../../examples/browser.ts";

declare global {
  var readmeClient: typeof client;
}

globalThis.readmeClient = client;

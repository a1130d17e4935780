// Makes dist/bundle.js, what "browser" and "react-native" of package.json's exports name: the SDK with Yjs in it.
// Metro takes lib0's own "react-native" files, which need a package that lib0 does not name (dmonad/lib0#93), so that Yjs as
// it is does not resolve in an app. And a quarter of Yjs and its provider is for what never happens here: shared texts and XML,
// styled logging with a DOM and a schema library, command lines, tabs that talk past the server.
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { trimProvider, trimYjs } from "./trim-yjs.js";

/** In the place of lib0's own. */
const replacements = {
  "lib0/webcrypto": `
    const missing = () => {
      throw new Error("There is no crypto.getRandomValues: import expo-crypto's or react-native-get-random-values first.");
    };
    export const subtle = undefined;
    export const getRandomValues = (array) => (globalThis.crypto?.getRandomValues ?? missing).call(globalThis.crypto, array);`,
  "lib0/logging": `
    export const print = (...parts) => console.log(...parts.filter((part) => typeof part === "string"));
    export const warn = print;
    export const BOLD = null, UNBOLD = null, ORANGE = null, RED = null;`,
  "lib0/environment": `
    export const isNode = false, isBrowser = true, production = true;
    export const getVariable = () => null;`,
  // The provider is always told not to use it.
  "lib0/broadcastchannel": `
    export const subscribe = () => {}, unsubscribe = () => {}, publish = () => {};`,
};
const IS_SAME_JSON = `
  function isSameJson(one, other) { return JSON.stringify(one) === JSON.stringify(other); }`;

/** How lib0's files name the same. */
const idOf = (id) => (id === "./environment.js" ? "lib0/environment" : id);

await build({
  configFile: false,
  logLevel: "error",
  root: fileURLToPath(new URL(".", import.meta.url)),
  resolve: { conditions: ["browser", "module", "production"] },
  plugins: [
    {
      name: "replacements",
      enforce: "pre",
      resolveId: (id) => (idOf(id) in replacements ? `\0${idOf(id)}` : undefined),
      transform: (code, id) => {
        if (id.endsWith("/yjs/dist/yjs.mjs")) return trimYjs(code);
        if (id.endsWith("/y-websocket/src/y-websocket.js")) return trimProvider(code);
        // What is compared is the JSON of awareness.
        if (id.endsWith("/y-protocols/awareness.js"))
          return code.replaceAll("f.equalityDeep", "isSameJson") + IS_SAME_JSON;
        return undefined;
      },
      load: (id) => (id.startsWith("\0") ? replacements[id.slice(1)] : undefined),
    },
  ],
  build: {
    outDir: "dist",
    emptyOutDir: false,
    // Left to the app's own build.
    minify: false,
    target: "es2020",
    lib: { entry: "dist/index.js", formats: ["es"], fileName: () => "bundle.js" },
    rollupOptions: { external: [/^@edvoyage\/protocol$/] },
  },
});

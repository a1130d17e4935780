// Makes dist/bundle.js and dist/chunks: the SDK with Yjs included. The conditions "browser" and "react-native" in package.json's exports point to it.
// Metro picks lib0's "react-native" files, which need a package that lib0 does not declare (dmonad/lib0#93), so an app cannot
// resolve Yjs as it is published. A third of Yjs and its provider is never used here: shared texts and XML, styled logging
// with a DOM and a schema library, command lines, and messages between tabs that bypass the server.
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { trimAwareness, trimDecoding, trimEncoding, trimProvider, trimYjs } from "./trim-yjs.js";

/** Replaces these modules of lib0. */
const replacements = {
  "lib0/webcrypto": `
    const missing = () => {
      throw new Error("There is no crypto.getRandomValues: import expo-crypto's or react-native-get-random-values first.");
    };
    export const subtle = undefined;
    export const getRandomValues = (array) => (globalThis.crypto?.getRandomValues ?? missing).call(globalThis.crypto, array);`,
  // Its callers are removed.
  "lib0/logging": `
    export const print = () => {}, warn = print;`,
  "lib0/environment": `
    export const isNode = false, isBrowser = true, production = true;
    export const getVariable = () => null;`,
  // Created on use: an app may install polyfills after it has loaded this module.
  "lib0/string": `
    let encoder, decoder;
    export const encodeUtf8 = (text) => (encoder ??= new TextEncoder()).encode(text);
    export const decodeUtf8 = (bytes) =>
      (decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })).decode(bytes);`,
  // The provider is always configured not to use it.
  "lib0/broadcastchannel": `
    export const subscribe = () => {}, unsubscribe = () => {}, publish = () => {};`,
};
/** Maps a relative import inside lib0 to its public module name. */
const toModuleId = (id) => (/^\.\/(environment|string)\.js$/.test(id) ? `lib0/${id.slice(2, -3)}` : id);

await build({
  configFile: false,
  logLevel: "error",
  root: fileURLToPath(new URL(".", import.meta.url)),
  resolve: { conditions: ["browser", "module", "production"] },
  plugins: [
    {
      name: "replacements",
      enforce: "pre",
      resolveId: (id) => (toModuleId(id) in replacements ? `\0${toModuleId(id)}` : undefined),
      transform: (code, id) => {
        if (id.endsWith("/yjs/dist/yjs.mjs")) return trimYjs(code);
        if (id.endsWith("/y-websocket/src/y-websocket.js")) return trimProvider(code);
        if (id.endsWith("/lib0/encoding.js")) return trimEncoding(code);
        if (id.endsWith("/lib0/decoding.js")) return trimDecoding(code);
        if (id.endsWith("/y-protocols/awareness.js")) return trimAwareness(code);
        return undefined;
      },
      load: (id) => (id.startsWith("\0") ? replacements[id.slice(1)] : undefined),
    },
  ],
  build: {
    outDir: "dist",
    emptyOutDir: false,
    // The app's own build minifies.
    minify: false,
    target: "es2020",
    lib: { entry: "dist/index.js", formats: ["es"], fileName: () => "bundle.js" },
    rollupOptions: {
      external: [/^@edvoyage\/protocol$/],
      // An app loads these on demand: checks, signing in, and HTTP instead of sockets.
      output: { chunkFileNames: "chunks/[name].js" },
    },
  },
});

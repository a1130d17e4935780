import * as Y from "yjs";
import type { RandomBytes } from "../runtime/ids.ts";

/**
 * Draws a Yjs client id, 1 to 2^32 - 1. Each run of the program draws its own and never stores it. If an id is reused
 * for other content, copies differ while their state vectors are equal, and nothing repairs that.
 */
export const drawClientId = (randomBytes: RandomBytes): number => {
  for (;;) {
    const id = new DataView(Uint8Array.from(randomBytes(4)).buffer).getUint32(0);
    if (id > 0) return id;
  }
};

/** Creates an empty document. Its client id comes from `randomBytes`, so that a test run can be repeated. */
export const createDoc = (randomBytes: RandomBytes): Y.Doc => {
  const doc = new Y.Doc({ guid: "" });
  doc.clientID = drawClientId(randomBytes);
  return doc;
};

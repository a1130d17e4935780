import * as Y from "yjs";
import type { RandomBytes } from "../runtime/ids.ts";

/**
 * A Yjs client id, 1 to 2^32 - 1. Drawn anew by every run of the program and never kept: one that is used again for
 * other content makes copies that differ with equal state vectors, which nothing heals.
 */
export const drawClientId = (randomBytes: RandomBytes): number => {
  for (;;) {
    const id = new DataView(Uint8Array.from(randomBytes(4)).buffer).getUint32(0);
    if (id > 0) return id;
  }
};

/** An empty document. Its client id comes from `randomBytes`, so that a run can be repeated. */
export const createDoc = (randomBytes: RandomBytes): Y.Doc => {
  const doc = new Y.Doc({ guid: "" });
  doc.clientID = drawClientId(randomBytes);
  return doc;
};

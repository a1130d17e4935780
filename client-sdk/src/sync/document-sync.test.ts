import type { UserId } from "@edvoyage/protocol";
import { Awareness } from "y-protocols/awareness";
import { expect, onTestFinished, test } from "vitest";
import { createOutbox } from "../outbox/outbox.ts";
import { createNewId, systemRandomBytes as randomBytes } from "../runtime/ids.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords } from "../storage/records.ts";
import type { DocumentSocket, Sockets } from "./sockets.ts";
import { createUserDocument } from "./user-document.ts";

/** Sockets that are synced at once. The test returns their barriers. */
const createHeldSockets = () => {
  /** Functions that return a barrier, in the order in which the barriers were sent. */
  const barriers: (() => void)[] = [];
  const open: Sockets["open"] = (name, doc, listener) => {
    const socket: DocumentSocket = {
      name,
      isSynced: true,
      awareness: new Awareness(doc),
      barrier: () => new Promise((resolve) => void barriers.push(resolve)),
      ask: () => {},
      close: () => socket.awareness.destroy(),
    };
    queueMicrotask(() => listener?.onSynced?.());
    return socket;
  };
  return { sockets: { open }, barriers };
};

const openDocument = async (sockets: Pick<Sockets, "open">) => {
  const clock = { now: () => 1_000, after: () => () => {} };
  const records = createRecords(await createMemoryStorage().open("student"), { onDamaged: () => {} });
  const base = { records, clock, randomBytes, newId: createNewId({ clock, randomBytes }) };
  const onFault = (cause: unknown): never => expect.fail(String(cause));
  const outbox = await createOutbox({ ...base, send: async () => {}, canSend: () => false, onFault });
  const document = await createUserDocument({
    ...base,
    outbox,
    sockets,
    userId: "student" as UserId,
    report: ({ message }) => expect.fail(message),
  });
  onTestFinished(() => document.close());
  const journal = async (): Promise<readonly unknown[]> =>
    (await records.listJson<{ readonly key: string }>("edit/")).map(({ value }) => value.key);
  return { document, journal };
};

test("[SY53] an edit that is made while a barrier is open stays pending, also on the disk, until a later one has come back", async () => {
  const { sockets, barriers } = createHeldSockets();
  const { document, journal } = await openDocument(sockets);
  await document.edit("settings", "before", () => 1);
  await expect.poll(() => barriers.length).toBe(1);

  await document.edit("settings", "during", () => 2);
  barriers[0]?.();
  await expect.poll(() => barriers.length).toBe(2);
  const afterFirst = { pending: document.pending.value, journal: await journal() };
  barriers[1]?.();
  await expect.poll(() => document.pending.value).toBe(0);

  expect(afterFirst).toEqual({ pending: 1, journal: ["during"] });
  expect(await journal()).toEqual([]);
  expect(barriers.length).toBe(2);
});

import type { MessageId } from "@edvoyage/protocol";
import type { LogRow, Segment } from "../sync/segment.ts";
import type { Message } from "./api.ts";
import { eventToMessage, isSameMessage, withEdit, withReaction } from "./message.ts";

/** The result of folding the rows of a log. */
export interface LogFold {
  /** In the order of the log. */
  readonly messageById: ReadonlyMap<MessageId, Message>;
  readonly removedIds: ReadonlySet<MessageId>;
}

/**
 * Creates a function that folds a log into messages. When rows were only appended, it continues from its last result, so a
 * message costs the same in a room of ten thousand as in one of ten. Earlier results change with it.
 */
export const createLogFold = (): ((segments: readonly Segment[]) => LogFold) => {
  let folded: readonly Segment[] = [];
  let messageById = new Map<MessageId, Message>();
  let removedIds = new Set<MessageId>();

  const change = (id: MessageId, to: (message: Message) => Message): void => {
    const message = messageById.get(id);
    const changed = message && to(message);
    if (changed && !isSameMessage(message, changed)) messageById.set(id, changed);
  };

  const fold = ({ event, index }: LogRow, segment: number): void => {
    switch (event[1]) {
      case "message":
        return void messageById.set(event[2], eventToMessage(event, { segment, index }));
      case "edit": {
        const [, , , by, at, id, text] = event;
        return change(id, (message) => withEdit(message, { by, at, text }));
      }
      case "reaction": {
        const [, , , userId, , id, emoji] = event;
        return change(id, (message) => withReaction(message, userId, emoji));
      }
      case "remove":
        messageById.delete(event[5]);
        removedIds.add(event[5]);
        return;
      default:
    }
  };

  return (segments) => {
    const added = appendedRows(folded, segments);
    const former = messageById;
    if (!added) {
      messageById = new Map();
      removedIds = new Set();
    }
    for (const { segment, rows } of added ?? segments) for (const row of rows) fold(row, segment);
    if (!added) {
      for (const [id, message] of messageById) {
        const before = former.get(id);
        if (before && isSameMessage(before, message)) messageById.set(id, before);
      }
    }
    folded = segments;
    return { messageById, removedIds };
  };
};

/** Returns the appended rows; `undefined` when other rows changed or older ones were added. */
const appendedRows = (
  before: readonly Segment[],
  now: readonly Segment[],
): readonly Segment[] | undefined => {
  const last = before.at(-1);
  if (!last) return undefined;
  const place = before.length - 1;
  const continued = now[place];
  const isContinued =
    before.every((segment, index) => index === place || segment === now[index]) &&
    continued?.segment === last.segment &&
    last.rows.every(({ event }, index) => event === continued.rows[index]?.event);
  if (!isContinued) return undefined;
  return [{ ...continued, rows: continued.rows.slice(last.rows.length) }, ...now.slice(place + 1)];
};

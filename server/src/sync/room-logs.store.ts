import { prepare } from "@edvoyage/db";
import type { LogId } from "@edvoyage/protocol";

const epoch = prepare<Record<never, never>>()((query) =>
  query.selectFrom("database_epoch").select("epoch").where("id", "=", 1),
);

const insertLog = prepare<{ id: LogId }>()((query, param) =>
  query.insertInto("logs").values({ id: param.id, head_segment: 0 }),
);

const insertSegment = prepare<{
  id: LogId;
  segment: number;
  epoch: number;
  writerId: number;
  at: number;
}>()((query, param) =>
  query.insertInto("log_segments").values({
    log_id: param.id,
    segment: param.segment,
    epoch: param.epoch,
    writer_id: param.writerId,
    length: 0,
    size_bytes: 0,
    redaction_revision: 0,
    changed_at: param.at,
  }),
);

const head = prepare<{ id: LogId }>()((query, param) =>
  query
    .selectFrom("logs")
    .innerJoin("log_segments", (join) =>
      join
        .onRef("log_segments.log_id", "=", "logs.id")
        .onRef("log_segments.segment", "=", "logs.head_segment"),
    )
    .select(["log_segments.segment", "log_segments.length", "log_segments.size_bytes"])
    .where("logs.id", "=", param.id),
);

const moveHead = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query.updateTable("logs").set({ head_segment: param.segment }).where("id", "=", param.id),
);

const insertEntry = prepare<{
  logId: LogId;
  segment: number;
  position: number;
  id: string;
  kind: string;
  authorId: string | null;
  subjectId: string | null;
  at: number;
  bytes: Uint8Array;
}>()((query, param) =>
  query.insertInto("log_entries").values({
    log_id: param.logId,
    segment: param.segment,
    position: param.position,
    id: param.id,
    kind: param.kind,
    author_id: param.authorId,
    subject_id: param.subjectId,
    at: param.at,
    bytes: param.bytes,
  }),
);

const growSegment = prepare<{
  id: LogId;
  segment: number;
  length: number;
  sizeBytes: number;
  at: number;
}>()((query, param) =>
  query
    .updateTable("log_segments")
    .set({ length: param.length, size_bytes: param.sizeBytes, changed_at: param.at })
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment),
);

const redactEntry = prepare<{ id: LogId; segment: number; position: number }>()((query, param) =>
  query
    .updateTable("log_entries")
    .set({ bytes: null })
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment)
    .where("position", "=", param.position)
    .where("bytes", "is not", null)
    .returning("position"),
);

const authored = prepare<{ id: LogId; segment: number; authorId: string }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select(["id", "kind", "position", "bytes"])
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment)
    .where("author_id", "=", param.authorId)
    .where("bytes", "is not", null)
    .orderBy("position"),
);

const firstSegment = prepare<{ id: LogId }>()((query, param) =>
  query
    .selectFrom("log_segments")
    .select("segment")
    .where("log_id", "=", param.id)
    .orderBy("segment")
    .limit(1),
);

const deleteEntries = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query.deleteFrom("log_entries").where("log_id", "=", param.id).where("segment", "=", param.segment),
);

const deleteSegment = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query.deleteFrom("log_segments").where("log_id", "=", param.id).where("segment", "=", param.segment),
);

const deleteLog = prepare<{ id: LogId }>()((query, param) =>
  query.deleteFrom("logs").where("id", "=", param.id),
);

const noteRedaction = prepare<{ id: LogId; segment: number; at: number }>()((query, param) =>
  query
    .updateTable("log_segments")
    .set((eb) => ({ redaction_revision: eb("redaction_revision", "+", 1), changed_at: param.at }))
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment),
);

const segment = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query
    .selectFrom("log_segments")
    .select(["writer_id", "length", "redaction_revision", "changed_at"])
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment),
);

const entries = prepare<{ id: LogId; segment: number; from: number; to: number }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select(["position", "bytes", "at"])
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment)
    .where("position", ">=", param.from)
    .where("position", "<", param.to)
    .orderBy("position"),
);

const redacted = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query
    .selectFrom("log_entries")
    .select("position")
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment)
    .where("bytes", "is", null)
    .orderBy("position"),
);

const formerWriters = prepare<{ id: LogId; segment: number }>()((query, param) =>
  query
    .selectFrom("log_former_writers")
    .select("writer_id")
    .where("log_id", "=", param.id)
    .where("segment", "=", param.segment),
);

const changedSince = prepare<{ since: number }>()((query, param) =>
  query
    .selectFrom("log_segments")
    .select((eb) => [
      "log_id",
      eb.fn.max("changed_at").as("changed_at"),
      eb.fn.sum<number>(eb("length", "+", eb.ref("redaction_revision"))).as("changes"),
    ])
    .where("changed_at", ">=", param.since)
    .groupBy("log_id"),
);

/** The queries of logs. */
export const logQueries = {
  epoch,
  insertLog,
  insertSegment,
  head,
  moveHead,
  insertEntry,
  growSegment,
  redactEntry,
  authored,
  firstSegment,
  deleteEntries,
  deleteSegment,
  deleteLog,
  noteRedaction,
  segment,
  entries,
  redacted,
  formerWriters,
  changedSince,
};

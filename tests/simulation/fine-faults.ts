import type { ClientOptions } from "@edvoyage/client-sdk";
import type { Sabotage } from "./device.ts";
import { withFetch } from "./planted.ts";
import type { DatabaseDamage } from "./server.ts";

/** A fault as small as a developer makes it on a bad day, planted around the correct SDK or into the server's database. */
export interface FineFault {
  readonly sabotage?: Sabotage;
  readonly damage?: DatabaseDamage;
}

/** The id of the newest entry of all rooms, if it is a message. It is also the id of the command. */
const NEWEST_MESSAGE = `(
  select id from (select id, kind from log_entries order by at desc, position desc limit 1) where kind = 'message'
)`;

/** The simulation must find each of them. */
export const FINE_FAULTS: Readonly<Record<string, FineFault>> = {
  "a redaction that skips the last edit of the message": {
    damage: {
      atStart: `
        create trigger planted after update of bytes on log_entries
        when new.bytes is null and old.kind = 'edit' and not exists (
          select 1 from log_entries as later
          where later.subject_id = old.subject_id and later.kind = 'edit'
            and (later.segment, later.position) > (old.segment, old.position))
        begin
          update log_entries set bytes = old.bytes
          where log_id = old.log_id and segment = old.segment and position = old.position;
        end`,
    },
  },
  "an answer before its commit, which a crash then undoes": {
    damage: {
      atRestart: `
        delete from commands where command_id = ${NEWEST_MESSAGE};
        update log_segments set length = length - 1
        where (log_id, segment) = (select log_id, segment from log_entries where id = ${NEWEST_MESSAGE});
        delete from log_entries where id = ${NEWEST_MESSAGE}`,
    },
  },
  "an end of a session that is not stored for every second session": {
    damage: {
      atStart: `
        create trigger planted after update of ended_at on sessions
        when new.end_reason = 'admin' and unicode(substr(new.id, -1)) % 2 = 0
        begin
          update sessions set ended_at = null, end_reason = null where id = new.id;
        end`,
    },
  },
  "a removed favourite that stays in the table when a later one exists": {
    damage: {
      atStart: `
        create trigger planted after delete on favourites
        when exists (select 1 from favourites where user_id = old.user_id and added_at > old.added_at)
        begin
          insert or ignore into favourites select old.user_id, old.kind, old.target_id, old.added_at;
        end`,
    },
  },
  "a new nickname that ends the block of a contact": {
    damage: {
      atStart: `
        create trigger planted after update on contacts
        when old.is_blocked = 1 and new.is_blocked = 1 and new.nickname is not old.nickname
        begin
          update contacts set is_blocked = 0 where owner_id = new.owner_id and id = new.id;
        end`,
    },
  },
  "messages with the time of a clock that was set back by a minute": {
    damage: {
      atStart: `
        create trigger planted after update of length on log_segments
        begin
          update log_segments set changed_at = new.changed_at - 60000
          where log_id = new.log_id and segment = new.segment;
        end`,
    },
  },
  "a message that gets a new command id when its answer was lost": { sabotage: withNewIdAfterLoss },
  "a page of the inbox without its last room": { sabotage: withoutLastRoom },
  "an accepted command that stays in the outbox on the disk": { sabotage: withKeptCommands },
};

function withNewIdAfterLoss(options: ClientOptions): ClientOptions {
  const lost = new Set<string>();
  return withFetch(options, async (send, { url, body }) => {
    if (body === undefined || !url.endsWith("chat.send")) return send();
    const again = lost.has(body) ? body.replace(/("commandId":".{33})...(")/, "$1abc$2") : body;
    return send(again).catch((error: unknown) => {
      lost.add(body);
      throw error;
    });
  });
}

function withoutLastRoom(options: ClientOptions): ClientOptions {
  return withFetch(options, async (send, { url }) => {
    const response = await send();
    if (!url.includes("inbox.changes") || !response.ok) return response;
    const answer: { readonly result?: { readonly data?: { rooms?: unknown[] } } } = await response.json();
    const rooms = answer.result?.data?.rooms;
    if (rooms && rooms.length > 1) rooms.pop();
    return new Response(JSON.stringify(answer), response);
  });
}

function withKeptCommands(options: ClientOptions): ClientOptions {
  const { storage } = options;
  return {
    ...options,
    storage: {
      ...storage,
      open: async (name) => {
        const store = await storage.open(name);
        return {
          ...store,
          write: (changes) =>
            store.write(changes.filter(({ key, value }) => !key.startsWith("outbox/") || value !== null)),
        };
      },
    },
  };
}

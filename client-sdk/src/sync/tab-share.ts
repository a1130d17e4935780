import { createSubject, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import type { Peers } from "../storage/storage.ts";
import type { SyncStatus } from "./status.ts";

/** The connection of a student, as `sync.status` shows it. */
export type SharedStatus = Pick<SyncStatus, "connection" | "transport">;

/**
 * Shares the sockets of one student between the tabs of a browser: one tab, the leader, has them and stores what arrives. The
 * others read the store when the leader says so. What is not stored, such as who is typing, only the leader has.
 */
export interface TabShare {
  readonly isLeader: Observable<boolean>;
  /** The status of the leader's sockets. */
  readonly status: Observable<SharedStatus>;
  /** Tells the other tabs that something was stored. */
  broadcast(subject: string): void;
  /** Calls the listener with the subject of each broadcast of another tab. */
  subscribe(listener: (subject: string) => void): Unsubscribe;
  close(): void;
}

const NOTHING: SharedStatus = { connection: "offline", transport: "socket" };
const STATUS = "status ";
const ASK_STATUS = "status?";

/** Joins the tabs of a student. Without `peers`, this program is always the leader. */
export const createTabShare = ({
  peers: shared,
  own,
}: {
  /** `name` is the name of the student's store. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
  /** The status of the own sockets. */
  readonly own: () => SharedStatus;
}): TabShare & {
  /** Call it when the status of the own sockets has changed. */
  readonly update: () => void;
} => {
  const prefix = `tabs ${shared?.name} `;
  const isLeader = createSubject(!shared);
  const status = createSubject<SharedStatus>(NOTHING);
  const broadcast = (subject: string): void => shared?.peers.broadcast(prefix + subject);
  const subscribe: TabShare["subscribe"] = (listener) =>
    shared?.peers.subscribe((topic) => {
      if (topic.startsWith(prefix)) listener(topic.slice(prefix.length));
    }) ?? (() => {});

  const update = (): void => {
    if (!isLeader.value) return;
    const next = own();
    if (next.connection === status.value.connection && next.transport === status.value.transport) return;
    status.set(next);
    broadcast(STATUS + JSON.stringify(next));
  };
  const unsubscribe = subscribe((subject) => {
    if (subject === ASK_STATUS && isLeader.value) broadcast(STATUS + JSON.stringify(status.value));
    if (subject.startsWith(STATUS) && !isLeader.value)
      status.set(JSON.parse(subject.slice(STATUS.length)) as SharedStatus);
  });
  const giveBack = shared?.peers.acquire(`sockets ${shared.name}`, (lost) => {
    lost?.addEventListener("abort", () => isLeader.set(false));
    isLeader.set(true);
    update();
  });
  broadcast(ASK_STATUS);

  return {
    isLeader,
    status,
    broadcast,
    subscribe,
    update,
    close: () => {
      unsubscribe();
      giveBack?.();
    },
  };
};

import type { OutboxEntry } from "@edvoyage/client-sdk";

/** What became of a command, as far as the app could see. */
export interface NotedCommand {
  readonly id: string;
  /** Where it was first seen: commands of one device and student are in the order in which they were written. */
  readonly device: string;
  readonly student: string;
  readonly procedure: OutboxEntry["procedure"];
  /** As it was seen last: a message that waits can be edited. */
  input: OutboxEntry["input"];
  readonly lane: string;
  /** It was on the device by then. */
  readonly notedAt: number;
  /** "gone" is what the server has taken; "refused" is what it will not take. */
  state: "waiting" | "refused" | "gone";
  /** Why it was refused. */
  reason: string | undefined;
  /** From then on it could not take effect any more: it had, or never will. */
  settledAt: number;
  /** It may have gone for another reason than that the server has taken it: it was discarded. */
  mayBeDiscarded: boolean;
  /** It was refused and sent again: later than others that were written after it. */
  wasRetried: boolean;
}

/** What devices were seen to have in their outboxes. */
export interface Ledger {
  /** Notes what the outbox of a student on a device has now. */
  note(place: Place, entries: readonly OutboxEntry[]): void;
  /** What this student writes on this device is to be dropped, or may be from now on; `false` when that is over. */
  expectWipe(place: Place, isExpected: boolean): void;
  isWipeExpected(place: Place): boolean;
  expectDiscard(id: string): void;
  expectRetry(id: string): void;
  /** In the order in which they were first seen. */
  readonly commands: readonly NotedCommand[];
  has(id: string): boolean;
  of(place: Place): readonly NotedCommand[];
}

/** A student on a device. */
export interface Place {
  readonly device: string;
  readonly student: string;
}

export const createLedger = ({
  now,
  onBroken,
}: {
  readonly now: () => number;
  /** Told what must never be seen. */
  readonly onBroken: (what: string) => void;
}): Ledger => {
  const commandById = new Map<string, NotedCommand>();
  const wiped = new Set<string>();
  const keyOf = ({ device, student }: Place): string => `${device}/${student}`;
  const of = (place: Place): NotedCommand[] =>
    [...commandById.values()].filter(
      ({ device, student }) => device === place.device && student === place.student,
    );

  const noteEntry = (place: Place, entry: OutboxEntry): void => {
    const { id, procedure, input, lane } = entry;
    const command: NotedCommand = commandById.get(id) ?? {
      ...place,
      id,
      procedure,
      input,
      lane,
      notedAt: now(),
      state: "waiting",
      reason: undefined,
      settledAt: Number.POSITIVE_INFINITY,
      mayBeDiscarded: wiped.has(keyOf(place)),
      wasRetried: false,
    };
    commandById.set(id, command);
    command.input = input;
    if (command.state === "gone") onBroken(`${command.procedure} ${id} came back after it had gone`);
    if (command.device !== place.device || command.student !== place.student) {
      onBroken(`${command.procedure} of ${keyOf(command)} is in the outbox of ${keyOf(place)}`);
    }
    const state = entry.state === "failed" ? "refused" : "waiting";
    if (command.state === state) return;
    command.state = state;
    command.reason = entry.state === "failed" ? entry.reason : undefined;
    command.settledAt = state === "refused" ? now() : Number.POSITIVE_INFINITY;
  };

  return {
    note: (place, entries) => {
      for (const entry of entries) noteEntry(place, entry);
      const present = new Set<string>(entries.map(({ id }) => id));
      for (const command of of(place)) {
        if (command.state === "gone" || present.has(command.id)) continue;
        command.settledAt = Math.min(command.settledAt, now());
        command.state = "gone";
      }
    },
    expectWipe: (place, isExpected) => {
      if (!isExpected) return void wiped.delete(keyOf(place));
      wiped.add(keyOf(place));
      for (const command of of(place)) {
        if (command.state !== "gone") command.mayBeDiscarded = true;
      }
    },
    isWipeExpected: (place) => wiped.has(keyOf(place)),
    expectDiscard: (id) => {
      const command = commandById.get(id);
      if (command) command.mayBeDiscarded = true;
    },
    expectRetry: (id) => {
      const command = commandById.get(id);
      if (command) command.wasRetried = true;
    },
    get commands() {
      return [...commandById.values()];
    },
    has: (id) => commandById.has(id),
    of,
  };
};

import type { OutboxEntry } from "@edvoyage/client-sdk";

/** A command and its result, as far as the app could see it. */
export interface NotedCommand {
  readonly id: string;
  /**
   * The device on which it was first seen. Commands of one device and student are in the order in which they were
   * written.
   */
  readonly device: string;
  readonly student: string;
  readonly procedure: OutboxEntry["procedure"];
  /** The input when it was last seen: a waiting message can be edited. */
  input: OutboxEntry["input"];
  readonly lane: string;
  /** When it was first seen on the device. */
  readonly notedAt: number;
  /** "gone": the server has accepted it, or it was discarded. "refused": the server does not accept it. */
  state: "waiting" | "refused" | "gone";
  /** The reason of the refusal. */
  reason: string | undefined;
  /** The time after which it can no longer take effect: it already has, or never will. */
  settledAt: number;
  /** Whether it may be gone because it was discarded, not because the server has accepted it. */
  mayBeDiscarded: boolean;
  /** Whether it went while the disk could not be written: a restart shows it again until the server has answered again. */
  mayComeBack: boolean;
  /** Whether the app has shown it as refused. */
  wasRefused: boolean;
  /** Whether it was refused and sent again, and so came later than commands that were written after it. */
  wasRetried: boolean;
}

/** A record of the commands that were seen in the outboxes of devices. */
export interface Ledger {
  /** Records the current outbox of a student on a device. */
  note(place: Place, entries: readonly OutboxEntry[], disk: { readonly isFailing: boolean }): void;
  /** From now on, what this student writes on this device may be deleted. `false` ends this. */
  expectWipe(place: Place, isExpected: boolean): void;
  isWipeExpected(place: Place): boolean;
  expectDiscard(id: string): void;
  expectRetry(id: string): void;
  /** All commands, in the order in which they were first seen. */
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
  /** Called with a description of what must never be seen. */
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
      mayComeBack: false,
      wasRefused: false,
      wasRetried: false,
    };
    commandById.set(id, command);
    command.input = input;
    if (command.state === "gone" && !command.mayComeBack)
      onBroken(`${command.procedure} ${id} came back after it had gone`);
    if (command.device !== place.device || command.student !== place.student) {
      onBroken(`${command.procedure} of ${keyOf(command)} is in the outbox of ${keyOf(place)}`);
    }
    const state = entry.state === "failed" ? "refused" : "waiting";
    if (command.state === state) return;
    command.state = state;
    command.wasRefused ||= state === "refused";
    command.reason = entry.state === "failed" ? entry.reason : undefined;
    command.settledAt = state === "refused" ? now() : Number.POSITIVE_INFINITY;
  };

  return {
    note: (place, entries, disk) => {
      for (const entry of entries) noteEntry(place, entry);
      const present = new Set<string>(entries.map(({ id }) => id));
      for (const command of of(place)) {
        if (command.state === "gone" || present.has(command.id)) continue;
        command.settledAt = Math.min(command.settledAt, now());
        command.state = "gone";
        command.mayComeBack = disk.isFailing;
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

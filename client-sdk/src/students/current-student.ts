import type { CommandId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createDoneWrite, toWrite, type Write } from "../outbox/write.ts";
import { createViews, type OpenView } from "../reads/views.ts";
import { areaOf, type QueuedInputs, type QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { AnswerTo, ServerApi } from "../rpc/server-api.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { assertValid, type CommandChecks } from "../runtime/valid-input.ts";
import { derive, follow, type Observable } from "../runtime/observable.ts";
import type { CoreFeatures } from "./features.ts";
import type { OpenStudent } from "./open-student.ts";

/**
 * The open data of the student who is signed in now; `undefined` without a student. A feature is created once for each client
 * and asks this at every call, so that an app may hold on to it while students sign in and out.
 */
export interface Current<Open> extends Observable<Open | undefined> {
  /** Returns what is open. Throws `signed-out` without a student, and `closed` before `ready()` and after `close()`. */
  require(): Open;
  /** Observes a value of whichever student is signed in; `none` without a student. */
  follow<Value>(select: (open: Open) => Observable<Value>, none: Value): Observable<Value>;
}

/** The names of a command's inputs that are ids. */
type IdsOf<Input> = { [Name in keyof Input]-?: Input[Name] extends string ? Name : never }[keyof Input] &
  string;

/** The student who is signed in now, with the reads, the commands and the calls from which features are built. */
export interface CurrentStudent<Features = unknown> extends Current<Features> {
  readonly open: OpenView;
  /**
   * Stores a command on the device, to be sent when there is a connection. Commands with the same
   * `about` id are sent in order; `lane` overrides what they are ordered with. Throws what the outbox throws, `signed-out`, and
   * what `check` throws.
   */
  queue<P extends QueuedProcedure>(
    procedure: P,
    input: QueuedInputs[P],
    options: { readonly about: string; readonly lane?: string },
  ): Promise<Write<AnswerTo<P>>>;
  /**
   * Creates a method that queues a command about something. Its parameters are the id, which is passed on as the
   * input `name`, and the rest of the input.
   */
  act<P extends QueuedProcedure, Name extends IdsOf<QueuedInputs[P]>>(
    procedure: P,
    name: Name,
  ): (
    id: string,
    ...more: object extends Omit<QueuedInputs[P], Name>
      ? [more?: Omit<QueuedInputs[P], Name>]
      : [more: Omit<QueuedInputs[P], Name>]
  ) => Promise<Write<AnswerTo<P>>>;
  /** Throws `input/invalid` if the server would reject the input for a fault that this device knows. */
  check(procedure: QueuedProcedure, input: unknown): Promise<void>;
  /** Creates a write that has nothing to do on the server. */
  nothingToSend(): Write<null>;
  /** Waits for a command's end, also after a restart. Throws `not-found` for an unknown one. */
  settled(id: CommandId): Promise<unknown>;
  /** The commands in the outbox; none without a student. */
  readonly entries: Observable<readonly OutboxEntry[]>;
  /** Sends a failed command again. Throws `not-found`. */
  retry(id: CommandId): Promise<void>;
  /** Deletes a command. Throws `not-found`, and `conflict` while it is being sent. */
  discard(id: CommandId): Promise<void>;
  /** Calls the server as the student, right now. Throws `signed-out` if nobody is signed in, and `EdVoyageError`. */
  call<Answer>(ask: (rpc: ServerApi) => Promise<Answer>): Promise<Answer>;
}

const NO_ENTRIES: readonly OutboxEntry[] = [];

/** Creates `Current` over an observable. `assertOpen` throws while the client is not open. */
export const createCurrent = <Open extends object>(
  open: Observable<Open | undefined>,
  assertOpen: () => void = () => {},
): Current<Open> => ({
  get value() {
    return open.value;
  },
  subscribe: (listener) => open.subscribe(listener),
  require: () => {
    if (open.value) return open.value;
    assertOpen();
    throw new EdVoyageError("signed-out", "Nobody is signed in.");
  },
  follow: (select, none) => follow(open, select, none),
});

/** Creates the current student of a client. `assertOpen` throws while the client is not open. */
export const createCurrentStudent = <F extends CoreFeatures>(
  openStudent: Observable<OpenStudent<F> | undefined>,
  {
    assertOpen,
    checks,
  }: {
    readonly assertOpen: () => void;
    /** Returns the checks of commands. Never throws. */
    readonly checks: () => Promise<CommandChecks>;
  },
): CurrentStudent<F> => {
  const account = createCurrent(
    derive([openStudent], () => openStudent.value?.account),
    assertOpen,
  );
  const features = createCurrent(
    derive([openStudent], () => openStudent.value?.features),
    assertOpen,
  );
  const reads = derive([features], () => features.value?.reads);
  const entries = account.follow(({ outbox }) => outbox.entries, NO_ENTRIES);

  const check: CurrentStudent["check"] = async (procedure, input) => {
    const { [procedure]: known } = await checks();
    if (known) assertValid(input, known);
  };

  const queue: CurrentStudent["queue"] = async (procedure, input, { about, lane }) => {
    const { outbox } = account.require();
    await check(procedure, input);
    const isAbout = ({ id, input: queuedInput }: OutboxEntry): boolean =>
      id === about || Object.values(queuedInput).includes(about);
    const before = outbox
      .inArea(areaOf(procedure))
      .value.filter((entry) => entry.state === "pending" && isAbout(entry))
      .pop();
    const added = await outbox.add(procedure, {
      input,
      lane: before?.lane ?? lane ?? `${areaOf(procedure)}/${about}`,
    });
    return toWrite(outbox, added.id);
  };

  return Object.assign(features, {
    open: createViews(reads, () => features.require().reads),
    queue,
    act:
      (procedure, name) =>
      (id, ...[more]) =>
        // TypeScript cannot see that `name` and `more` together are the input of the procedure.
        queue(procedure, { [name]: id, ...more } as never, { about: id }),
    check,
    entries,
    nothingToSend: () => createDoneWrite(account.require().newId()),
    settled: (id) => {
      const settling = (async () => account.require().outbox.settled(id))();
      settling.catch(() => {});
      return settling;
    },
    retry: async (id) => account.require().outbox.retry(id),
    discard: async (id) => account.require().outbox.discard(id),
    call: async (ask) => ask(account.require().rpc),
  } satisfies Omit<CurrentStudent, keyof Current<F>>);
};

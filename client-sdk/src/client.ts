import type { CommandId, Course, CourseFilter, University, UniversityFilter } from "@edvoyage/protocol";
import { createAuth, type Auth, type AuthService } from "./auth/auth.ts";
import type { AuthStatus } from "./auth/auth-status.ts";
import { openDevice } from "./auth/device.ts";
import { createHttpCaller } from "./rpc/http-caller.ts";
import { createCurrentStudent, type CurrentStudent } from "./students/current-student.ts";
import type { FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
import { procedureAt } from "./rpc/server-api.ts";
import { createCourses, createUniversities, type CachedList } from "./catalogue/catalogue.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { createContacts, type Contacts } from "./contacts/contacts.ts";
import { EdVoyageError, toEdVoyageError } from "./runtime/errors.ts";
import { createSubject, derive, follow, watchValue, type Observable } from "./runtime/observable.ts";
import type { OutboxView } from "./outbox/outbox-view.ts";
import { createNotifications, type Notifications } from "./notifications/notifications.ts";
import type { OwnAccount } from "./account/account.ts";
import { createProfile, type ProfileReader } from "./profile/profile.ts";
import { createPush, type Push } from "./push/push.ts";
import { createReads, type Reads } from "./reads/reads.ts";
import { createViews } from "./reads/views.ts";
import { createSessions, type Sessions } from "./sessions/sessions.ts";
import { openRecords } from "./storage/open-records.ts";
import type { Records } from "./storage/records.ts";
import type { CoreFeatures, OpenFeatures } from "./students/features.ts";
import type { OpenStudent } from "./students/open-student.ts";
import { createStudents, type Students } from "./students/students.ts";
import { optionsToEnvironment, type ClientEnvironment } from "./runtime/environment.ts";
import type { Sync, SyncStatus } from "./sync/status.ts";

/** The part of a client that every app has. */
export interface CoreClient {
  /**
   * Opens the data on the device. From then on everything can be read, with or without a network. Fetches updates from the
   * server in the background. Throws `device/failed`; it may be called again after that.
   */
  ready(): Promise<void>;
  /** Whether `ready()` is done. */
  readonly isReady: boolean;
  readonly auth: Auth;
  readonly sessions: Sessions;
  readonly profile: ProfileReader;
  readonly universities: CachedList<UniversityFilter, University>;
  readonly courses: CachedList<CourseFilter, Course>;
  readonly account: OwnAccount;
  readonly contacts: Contacts;
  readonly notifications: Notifications;
  readonly push: Push;
  readonly outbox: OutboxView;
  readonly sync: Sync;
  /** Waits for pending writes, then closes everything. */
  close(): Promise<void>;
}

/** A client, and what further features are built from. */
export interface Composition<F extends CoreFeatures, Chosen extends FeatureModules> {
  readonly client: CoreClient & OpenedFeatures<Chosen>;
  readonly student: CurrentStudent<F>;
  readonly environment: ClientEnvironment;
}

const DEVICE_STORE = "device";
const FLUSH_TIMEOUT_MS = 10_000;

interface Opened<F extends CoreFeatures> {
  readonly auth: AuthService;
  readonly students: Students<F>;
  readonly reads: Reads;
  readonly records: Records;
  readonly close: () => Promise<void>;
}

/** Builds a client. Touches no platform API before `ready()`. */
export const composeClient = <F extends CoreFeatures, Chosen extends FeatureModules>(
  options: ClientOptions,
  { openFeatures, areas }: { readonly openFeatures: OpenFeatures<F>; readonly areas: Chosen },
): Composition<F, Chosen> => {
  const environment = optionsToEnvironment(options);
  const { clock, report } = environment;
  const closing = new AbortController();
  const anonymous = createHttpCaller({ ...environment, closed: closing.signal });
  const opened = createSubject<Opened<F> | undefined>(undefined);
  let opening: Promise<void> | undefined;
  let isClosed = false;

  const requireOpened = (): Opened<F> => {
    if (opened.value) return opened.value;
    throw new EdVoyageError("closed", isClosed ? "This client is closed." : "Wait for ready() first.");
  };
  const openStudent = follow<Opened<F>, OpenStudent<F> | undefined>(
    opened,
    ({ students }) => students.current,
    undefined,
  );
  const student = createCurrentStudent(openStudent, requireOpened);

  const authStatus = follow<Opened<F>, AuthStatus>(opened, ({ auth }) => auth.changed, SIGNED_OUT);
  const { entries } = student;
  const visibleEntries = derive([entries], () => entries.value.filter(({ state }) => state !== "acked"));
  const pendingEdits = student.follow(({ pendingEdits: edits }) => edits ?? NONE, 0);
  const connection = student.follow(
    ({ connection: connectionState }) => connectionState ?? OFFLINE,
    "offline",
  );
  const lastHeardAt = follow<OpenStudent<F>, number | null>(openStudent, (one) => one.lastHeardAt, null);
  const status = derive(
    [authStatus, visibleEntries, pendingEdits, connection, lastHeardAt],
    (): SyncStatus => ({
      connection: connection.value,
      auth: authStatus.value.state,
      pending: pendingEdits.value + visibleEntries.value.filter(({ state }) => state === "pending").length,
      failed: visibleEntries.value.filter(({ state }) => state === "failed").length,
      lastSyncedAt: lastHeardAt.value,
    }),
  );
  const reads: Observable<Reads | undefined> = {
    get value() {
      return student.value?.reads ?? opened.value?.reads;
    },
    subscribe: (listener) => student.subscribe(listener),
  };
  const openForAll = createViews(reads, () => reads.value ?? requireOpened().reads);
  const unreadOnServer = student.follow(({ areas: changes }) => changes.unreadNotifications, 0);
  const unread = derive([unreadOnServer, entries], () =>
    entries.value.reduce(
      (left, entry) =>
        entry.procedure !== "notifications.markRead" || entry.state !== "pending"
          ? left
          : Math.max(0, "ids" in entry.input ? left - entry.input.ids.length : 0),
      unreadOnServer.value,
    ),
  );
  const push = createPush(
    () => requireOpened().records,
    () =>
      openStudent.value && {
        account: openStudent.value.account,
        sessionId: openStudent.value.session.value.id,
      },
  );

  /** Watches until the client closes. Values are empty afterwards, but not because the student signed out or everything was sent. */
  const watchWhileOpen = <Value>(observable: Observable<Value>, listener: (value: Value) => void) =>
    watchValue(observable, (value) => {
      if (!isClosed) listener(value);
    });

  const wake = (): void => {
    const { network, appState } = environment;
    if (!opened.value || !network.isOnline() || appState?.isActive() === false) return;
    opened.value.students.wake();
    opened.value.reads.wake();
  };

  const open = async (): Promise<void> => {
    const records = await openRecords(DEVICE_STORE, environment);
    const device = await openDevice(records, environment.randomBytes).catch(async (error: unknown) => {
      await records.close();
      throw error;
    });
    const { wipeWhenRevoked = false } = options;
    const students = createStudents({
      environment,
      device,
      openFeatures,
      wipeWhenRevoked,
      onPeerChange: () => void auth.load().catch(() => {}),
    });
    const auth = createAuth({ environment, device, students, rpc: anonymous, app: options });
    const deviceReads = createReads({
      records,
      clock,
      ask: (procedure, input) => procedureAt(anonymous, procedure).query(input),
      onNotKept: (cause) => report({ kind: "not-kept", message: "An answer could not be stored.", cause }),
    });
    const close = async (): Promise<void> => {
      auth.close();
      deviceReads.close();
      await students.close();
      await device.close();
    };
    try {
      await students.load();
      await auth.load();
    } catch (error) {
      // Close everything that is already open; otherwise what it holds would block the next attempt.
      await close().catch(() => {});
      throw error;
    }
    const session = follow<OpenStudent<F>, unknown>(
      students.current,
      (openStudent) => openStudent.session,
      undefined,
    );
    const checkPush = (): void => {
      push.check().catch((cause: unknown) => {
        if (!isClosed) report({ kind: "not-kept", message: "A token could not be stored.", cause });
      });
    };
    const unsubscribes = [
      environment.network.subscribe(wake),
      environment.appState?.subscribe(wake),
      watchValue(session, checkPush),
    ];
    opened.set({
      auth,
      students,
      records,
      reads: deviceReads,
      close: async () => {
        for (const unsubscribe of unsubscribes) unsubscribe?.();
        await close();
      },
    });
    void students.current.value?.validate();
  };

  const client: CoreClient = {
    ready: () => {
      if (isClosed) return Promise.reject(new EdVoyageError("closed", "This client is closed."));
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw toEdVoyageError(error);
      });
      return opening;
    },
    get isReady() {
      return opened.value !== undefined;
    },
    auth: {
      get state() {
        return authStatus.value.state;
      },
      get status() {
        return authStatus.value;
      },
      onChange: (listener) => watchWhileOpen(authStatus, listener),
      requestCode: async (phone) => requireOpened().auth.requestCode(phone),
      verifyCode: async (code) => requireOpened().auth.verifyCode(code),
      cancel: async () => requireOpened().auth.cancel(),
      signOut: async (how) => requireOpened().auth.signOut(how),
    },
    sessions: createSessions(student),
    profile: createProfile(student),
    account: {
      export: () => student.call((rpc) => rpc.account.export.query()),
      delete: async () => {
        const erased = await student.call((rpc) => rpc.account.delete.mutate());
        await requireOpened().auth.signOut({ pending: "discard" });
        return erased;
      },
    },
    universities: createUniversities(openForAll),
    courses: createCourses(openForAll),
    contacts: createContacts(student),
    notifications: createNotifications(student, unread),
    push,
    outbox: {
      list: () => visibleEntries.value,
      onChange: (listener) => watchWhileOpen(visibleEntries, listener),
      retry: async (id) => student.retry(toCommandId(id)),
      discard: async (id) => student.discard(toCommandId(id)),
    },
    sync: {
      get status() {
        return status.value;
      },
      onStatus: (listener) => watchWhileOpen(status, listener),
      flush: async ({ timeoutMs = FLUSH_TIMEOUT_MS } = {}) => student.require().flush({ timeoutMs }),
    },
    close: async () => {
      isClosed = true;
      closing.abort();
      await opening?.catch(() => {});
      const toClose = opened.value;
      opened.set(undefined);
      await toClose?.close();
    },
  };
  const chosen = Object.entries(areas).map(([name, area]) => [name, area.open(student)]);
  return {
    client: Object.assign(client, Object.fromEntries(chosen) as OpenedFeatures<Chosen>),
    student,
    environment,
  };
};

const SIGNED_OUT: AuthStatus = { state: "signedOut", student: null };
const NONE = createSubject(0);
const OFFLINE = createSubject<SyncStatus["connection"]>("offline");

const toCommandId = (id: string): CommandId => id as CommandId;

import type { Course, CourseFilter, University, UniversityFilter } from "@edvoyage/protocol";
import { createAccount, type OwnAccount } from "./account/account.ts";
import type { Auth } from "./auth/auth.ts";
import type { AuthStatus } from "./auth/auth-status.ts";
import { createClientAuth } from "./auth/client-auth.ts";
import { createCourses, createUniversities, type CachedList } from "./catalogue/catalogue.ts";
import { createLifecycle } from "./composition/lifecycle.ts";
import { openClient, type OpenedClient } from "./composition/open-client.ts";
import type { AbandonedStudent } from "./composition/storage-loss.ts";
import { createOutboxView, type OutboxView } from "./outbox/outbox-view.ts";
import { createProfile, type ProfileReader } from "./profile/profile.ts";
import type { Reads } from "./reads/reads.ts";
import { createViews, type OpenView } from "./reads/views.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { optionsToEnvironment, type ClientEnvironment } from "./runtime/environment.ts";
import { loadOnce } from "./runtime/valid-input.ts";
import { createSubject, derive, follow, watchValue, type Observable } from "./runtime/observable.ts";
import { createSessions, type Sessions } from "./sessions/sessions.ts";
import { createCurrentStudent, type CurrentStudent } from "./students/current-student.ts";
import type { FeatureDevice, FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
import type { CoreFeatures, OpenFeatures } from "./students/features.ts";
import type { OpenStudent } from "./students/open-student.ts";
import { createSync, type Sync, type SyncStatus } from "./sync/status.ts";

/** The part of a client that every app has. */
export interface CoreClient {
  /**
   * Opens the data on the device. From then on everything can be read, with or without a network. Fetches updates from the
   * server in the background. Throws `device/unavailable`, `device/newer-data` and `device/failed`, after which it may be called
   * again, and `input/invalid` if the platform lacks something that the options do not provide either, such as `WebSocket`.
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

/** Builds a client. Touches no platform API before `ready()`. Throws `input/invalid` for an unusable `url` or `storage`. */
export const composeClient = <F extends CoreFeatures, Chosen extends FeatureModules>(
  options: ClientOptions,
  {
    openFeatures,
    areas,
    assertPlatform,
  }: {
    readonly openFeatures: OpenFeatures<F>;
    readonly areas: Chosen;
    /** Throws if the platform lacks something that `ready()` needs. */
    readonly assertPlatform?: (options: ClientOptions) => void;
  },
): Composition<F, Chosen> => {
  const environment = optionsToEnvironment(options);
  const isLost = createSubject(false);
  let abandoned: AbandonedStudent | undefined;
  const lifecycle = createLifecycle<OpenedClient<F>>(async (closed) => {
    assertPlatform?.(options);
    return openClient({
      options,
      environment,
      openFeatures,
      closed,
      onSession: async () => {
        for (const [name, module] of modules) await module.onSession?.(chosen[name]);
      },
      abandoned,
      onGone: (loss) => {
        abandoned = loss?.student;
        if (loss) {
          isLost.set(true);
          environment.report({ kind: "storage-lost", message: "The data on this device was deleted." });
        }
        lifecycle.reopen();
      },
    });
  }, environment.clock);
  const { opened, whileOpen } = lifecycle;

  const openStudent = follow<OpenedClient<F>, OpenStudent<F> | undefined>(
    opened,
    ({ students }) => students.current,
    undefined,
  );
  watchValue(openStudent, (opensOne) => {
    if (opensOne) isLost.set(false);
  });
  const checks = loadOnce(
    options.checks ?? Object.values(areas).find((area) => area.checks)?.checks,
    environment.clock,
  );
  const student = createCurrentStudent(openStudent, {
    assertOpen: lifecycle.require,
    checks,
  });
  const entries = whileOpen(student.entries);

  const authStatus = whileOpen(
    follow<OpenedClient<F>, AuthStatus>(opened, ({ auth: service }) => service.status, SIGNED_OUT),
  );
  const auth = createClientAuth(authStatus, () => lifecycle.require().auth);

  const sync = createSync({
    auth: authStatus,
    connection: whileOpen(student.follow(({ connection }) => connection ?? OFFLINE, "offline")),
    transport: whileOpen(student.follow(({ transport }) => transport ?? SOCKET, "socket")),
    pendingEdits: whileOpen(student.follow(({ pendingEdits }) => pendingEdits ?? NONE, 0)),
    entries,
    lastHeardAt: whileOpen(
      follow<OpenStudent<F>, number | null>(openStudent, ({ lastHeardAt }) => lastHeardAt, null),
    ),
    storage: whileOpen(
      derive([opened, isLost], () => {
        if (isLost.value) return "lost";
        return (opened.value && environment.storage.durability) ?? "durable";
      }),
    ),
    flush: async (flushOptions) => student.require().flush(flushOptions),
  });

  const modules = Object.entries(areas);
  const device: FeatureDevice = {
    records: () => lifecycle.require().records,
    newId: environment.newId,
    signedIn: () => openStudent.value,
  };
  const chosen: Readonly<Record<string, unknown>> = Object.fromEntries(
    modules.map(([name, module]) => [name, module.open(student, device)]),
  );
  const openForAll = createViewsForAll(opened, student, () => lifecycle.require().reads);
  const client: CoreClient = {
    ready: () => {
      void checks();
      return lifecycle.ready();
    },
    get isReady() {
      return opened.value !== undefined;
    },
    auth,
    sessions: createSessions(student),
    profile: createProfile(student),
    universities: createUniversities(openForAll),
    courses: createCourses(openForAll),
    account: createAccount(student, auth),
    outbox: createOutboxView({ ...student, entries }),
    sync,
    close: lifecycle.close,
  };
  return {
    client: Object.assign(client, chosen as OpenedFeatures<Chosen>),
    student,
    environment,
  };
};

const SIGNED_OUT: AuthStatus = { state: "signedOut", student: null };
const NONE = createSubject(0);
const SOCKET = createSubject<SyncStatus["transport"]>("socket");
const OFFLINE = createSubject<SyncStatus["connection"]>("offline");

/** Creates views that need no session: of the student's store, or of the device's without a student. */
const createViewsForAll = (
  opened: Observable<{ readonly reads: Reads } | undefined>,
  student: Observable<{ readonly reads: Reads } | undefined>,
  require: () => Reads,
): OpenView => {
  const reads: Observable<Reads | undefined> = {
    get value() {
      return student.value?.reads ?? opened.value?.reads;
    },
    subscribe: (listener) => student.subscribe(listener),
  };
  return createViews(reads, () => reads.value ?? require());
};

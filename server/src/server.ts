import type { Duplex } from "node:stream";
import { openDatabase } from "@edvoyage/db";
import { join } from "node:path";
import { createUserInspection } from "./account/inspection.ts";
import type { ServerFacts } from "./admin/admin.router.ts";
import { createAudit } from "./audit/audit.ts";
import { createBackups } from "./backups/backups.ts";
import { createCatalogue } from "./catalogue/catalogue.ts";
import { textOf } from "./chat/events.ts";
import { createAccountFeatures } from "./composition/account.ts";
import type { Frame, ServerDeps } from "./composition/frame.ts";
import { createLiveSync } from "./composition/live-sync.ts";
import { createPush } from "./composition/push.ts";
import { createSignInFeatures } from "./composition/sign-in.ts";
import { createStudentFeatures } from "./composition/student-features.ts";
import { createHttpServer } from "./http/http-server.ts";
import { createInProcessHttp } from "./http/in-process.ts";
import { listProcedures, type ProcedureEntry } from "./http/procedure-access.ts";
import { createInbox } from "./inbox/inbox.ts";
import { createStudentRateLimit } from "./limits/student-rate-limit.ts";
import { createPreferences } from "./notifications/preferences.ts";
import { createNumberInspection } from "./numbers/inspection.ts";
import { createBackground } from "./platform/background.ts";
import { createNewId } from "./platform/crypto.ts";
import { BACKUP_FOLDER } from "./platform/data-dir.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createSteadyClock } from "./platform/steady-clock.ts";
import { startTimers } from "./platform/timers.ts";
import { createDeadPushes } from "./push/dead-letters.ts";
import { createPushTokens } from "./push/tokens.ts";
import { createRouter } from "./router.ts";
import { createSeedServices } from "./seed/seed-services.ts";
import { createSeed } from "./seed/seed.ts";
import { createCountActiveStudents } from "./sessions/active-students.ts";
import { createSessionInspection } from "./sessions/inspection.ts";
import { createDocumentExchange } from "./sync/document-exchange.ts";

/** A server on an open database. It answers with or without listening on a port. */
export interface Server {
  /** Starts to listen and resolves with the URL. */
  listen(): Promise<string>;
  /** Answers a request without a socket. The terminal program uses it when no server runs. */
  fetch: typeof fetch;
  /** Serves one HTTP or WebSocket connection that did not come through a port: any duplex stream. */
  accept(connection: Duplex): Promise<void>;
  /** Every procedure and who may call it. */
  readonly procedures: readonly ProcedureEntry[];
  /** The tables whose rows are in the export of a student's data. */
  readonly exportedTables: readonly string[];
  /** Facts about the database and the configuration, in words, for the start-up message and for admins. */
  readonly facts: ServerFacts;
  /** Adds the sample catalogue to an empty database. Returns the number of new universities: 0 when the catalogue is not empty. */
  seedIfEmpty(): Promise<number>;
  /** Answers the open requests, waits for their background tasks, and closes the database. */
  close(): Promise<void>;
}

/** Opens the database and puts the server together. The composition root; parts that belong together are in `composition/`. */
export const createServer = async (deps: ServerDeps): Promise<Server> => {
  const { config, secrets, clock, random, log, smsProvider, pushProvider } = deps;
  const { limits } = config;
  const database = await openDatabase(config.databaseUrl);
  const { read } = database;
  const { background, settle } = createBackground(log);
  const newId = createNewId(random);
  const audit = createAudit({ read, newId });
  const deadPushes = createDeadPushes({ read });
  const metrics = createMetrics({
    clock,
    pushProvider: pushProvider?.name,
    countLiveSessions: () => signIn.sessions.countLive(),
    countActiveStudents: createCountActiveStudents({ read, clock }),
    countSockets: () => sync.countSockets(),
    countPushes: () => deadPushes.count(),
  });
  const steadyClock = await createSteadyClock({ clock, database });
  const frame: Frame = { ...deps, database, limits, background, newId, audit, metrics, steadyClock };
  /** For everything that devices ask the inbox about. Sign-in goes by the system's clock. */
  const steadyFrame: Frame = { ...frame, clock: steadyClock };

  const pushTokens = createPushTokens(frame);
  const signIn = createSignInFeatures(frame, {
    pushTokens,
    registered: (tx, user) => features.contacts.registered(tx, user),
    onEnded: (id) => sync.sessionEnded(id),
    openSessions: () => sync.openSessions(),
  });
  const liveSync = createLiveSync(steadyFrame, {
    authenticate: signIn.sessions.authenticate,
    hiddenFrom: (userId) => features.contacts.blockedBy(userId),
  });
  const { logs, documents, sync } = liveSync;
  const push = createPush(steadyFrame, liveSync);
  const features = createStudentFeatures({
    ...steadyFrame,
    ...liveSync,
    push: push.outbox,
    hints: sync.hints,
  });
  const preferences = createPreferences({ ...features, read });
  const sessionInspection = createSessionInspection({ read, clock });
  const accounts = createAccountFeatures(frame, {
    ...signIn,
    ...liveSync,
    ...features,
    preferences,
    sessionInspection,
  });
  const catalogue = createCatalogue(frame);
  const backups = createBackups({ ...frame, folder: join(config.dataDir, BACKUP_FOLDER) });
  const facts = {
    ...database.facts,
    environment: config.env,
    sms: smsProvider.name,
    push: config.push.provider,
  };

  const router = createRouter({
    ...frame,
    ...signIn,
    ...features,
    ...accounts,
    pushTokens,
    deadPushes,
    preferences,
    catalogue,
    backups,
    facts,
    documentExchange: createDocumentExchange({ documents, limits }),
    inbox: createInbox({ ...features, read, logs, textOf, clock: steadyClock }),
    seed: createSeed({
      ...frame,
      catalogue,
      isProduction: config.env === "production",
      servicesIn: createSeedServices({ ...frame, auth: signIn.auth }),
    }),
    users: createUserInspection({ read }),
    numbers: createNumberInspection(frame),
    sessionInspection,
    countries: config.countries,
    writeRate: createStudentRateLimit({ clock, perSecond: limits.writesPerSecond, burst: limits.writeBurst }),
  });
  const http = await createHttpServer({
    ...frame,
    router,
    sessions: signIn.sessions,
    adminToken: secrets.adminToken,
    ping: () => database.ping(clock.now()),
  });
  sync.attach(http.server);

  const { erasure, exportedTables } = accounts;
  const stopTimers = startTimers({
    ...signIn,
    ...liveSync,
    ...features,
    clock,
    steadyClock,
    background,
    dialect: database.dialect,
    erasure,
    pushWorker: push.worker,
  });
  // Continue the erasures that a crash or a shutdown interrupted.
  background(erasure.run());

  return {
    facts,
    exportedTables,
    procedures: listProcedures(router),
    listen: () => http.listen({ host: config.host, port: config.port }),
    ...createInProcessHttp(http),
    seedIfEmpty: async () => {
      if ((await catalogue.count()) > 0) return 0;
      return (await database.write((tx) => catalogue.seed(tx))).universities;
    },
    close: async () => {
      stopTimers();
      // The next start continues an interrupted erasure.
      erasure.close();
      // Close the sockets first; otherwise an open one would keep the HTTP server from closing.
      await sync.close();
      await push.worker?.close();
      // Abort a running backup instead of waiting for it; its unfinished file is deleted.
      backups.close();
      await http.close();
      await documents.close();
      await settle();
      await database.close();
    },
  };
};

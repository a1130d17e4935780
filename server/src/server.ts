import type { Duplex } from "node:stream";
import { openDatabase } from "@edvoyage/db";
import { join } from "node:path";
import { createAccount } from "./account/account.ts";
import { createErasure } from "./account/erasure.ts";
import { createUserInspection } from "./account/inspection.ts";
import { createAdmissions } from "./applications/admissions.ts";
import { ANSWER_HEADER } from "./http/answer-header.ts";
import { createApplications } from "./applications/applications.ts";
import { createAudit } from "./audit/audit.ts";
import { createAuth } from "./auth/auth.ts";
import { createBackups } from "./backups/backups.ts";
import { createCatalogue } from "./catalogue/catalogue.ts";
import { createChat } from "./chat/chat.ts";
import { textOf } from "./chat/events.ts";
import { createRoomAccess } from "./chat/room-access.ts";
import { HOUR_MS, type Clock } from "./platform/clock.ts";
import { createCommands } from "./commands/commands.ts";
import type { Config } from "./platform/config.ts";
import { createContacts } from "./contacts/contacts.ts";
import { createNewId, type Random } from "./platform/crypto.ts";
import { BACKUP_FOLDER, type Secrets } from "./platform/data-dir.ts";
import { createFavourites } from "./favourites/favourites.ts";
import { createHttpServer } from "./http/http-server.ts";
import { createAreas } from "./inbox/areas.ts";
import { createInbox } from "./inbox/inbox.ts";
import type { Logger } from "./platform/logger.ts";
import { createAddressReader } from "./http/client-address.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createNotifications } from "./notifications/notifications.ts";
import { createPreferences } from "./notifications/preferences.ts";
import { createNumberInspection } from "./numbers/inspection.ts";
import { createNumbers } from "./numbers/numbers.ts";
import { createOriginCheck } from "./http/allowed-origins.ts";
import { createPushContents } from "./push/content.ts";
import { createDeadPushes } from "./push/dead-letters.ts";
import { createPushOutbox } from "./push/outbox.ts";
import type { PushProvider } from "./push/provider.ts";
import { createPushTokens } from "./push/tokens.ts";
import { createPushWorker } from "./push/worker.ts";
import { listProcedures, type ProcedureEntry } from "./http/procedure-access.ts";
import { createProfiles } from "./profile/profile.ts";
import { createRouter } from "./router.ts";
import { createCountActiveStudents } from "./sessions/active-students.ts";
import { createSessionInspection } from "./sessions/inspection.ts";
import { createSessions } from "./sessions/sessions.ts";
import { createSmsSender, type SmsProvider } from "./sms/sms.ts";
import { createSeedServices } from "./seed/seed-services.ts";
import { createSeed } from "./seed/seed.ts";
import { createSocial } from "./social/social.ts";
import { createStudentRateLimit } from "./limits/student-rate-limit.ts";
import { createErasureParts, createExportParts } from "./account/personal-data-parts.ts";
import { createRoomLogs } from "./sync/room-logs.ts";
import { createSync, type Sync } from "./sync/sync.ts";
import { createDocuments } from "./sync/documents.ts";

export interface ServerDeps {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly smsProvider: SmsProvider;
  /** `undefined` sends nothing: queued pushes wait until a server with a provider runs. */
  readonly pushProvider: PushProvider | undefined;
}

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
  readonly facts: Readonly<Record<string, string>>;
  /** Adds the sample catalogue to an empty database. Returns the number of new universities: 0 when the catalogue is not empty. */
  seedIfEmpty(): Promise<number>;
  /** Answers the open requests, waits for their background tasks, and closes the database. */
  close(): Promise<void>;
}

/** How often to look for sessions that another process ended. The docs promise at most one second. */
const NOTICE_ENDS_EVERY_MS = 400;
/** How often to forward document updates that other nodes stored to the student's devices. */
const NOTICE_STORED_EVERY_MS = 200;
/** How often to forward area changes that other nodes made to the student's devices. */
const NOTICE_AREAS_EVERY_MS = 400;
/** How often to look for pushes that other nodes queued and for pushes to retry. */
const PUSH_EVERY_MS = 1_000;

/** Opens the database and puts the server together. The composition root: every `create…` of a feature is called here. */
export const createServer = async ({
  config,
  secrets,
  clock,
  random,
  log,
  smsProvider,
  pushProvider,
}: ServerDeps): Promise<Server> => {
  const { limits } = config;
  const database = await openDatabase(config.databaseUrl);
  const { background, settle } = createBackground(log);
  const newId = createNewId(random);
  const metrics = createMetrics({
    clock,
    pushProvider: pushProvider?.name,
    countLiveSessions: () => sessions.countLive(),
    countActiveStudents: createCountActiveStudents({ read: database.read, clock }),
    countSockets: () => sync.countSockets(),
    countPushes: () => deadPushes.count(),
  });
  const audit = createAudit({ read: database.read, newId });
  const numbers = createNumbers({ database, newId, limits });
  const deadPushes = createDeadPushes({ read: database.read });
  const pushTokens = createPushTokens({ database, clock });
  const sessions = createSessions({
    database,
    pushTokens,
    audit,
    clock,
    newId,
    limits,
    metrics,
    background,
    forgetDevice: numbers.forgetDevice,
    onEnded: (id) => sync.sessionEnded(id),
    openSessions: () => sync.openSessions(),
  });
  const logs = createRoomLogs({ read: database.read, limits, newId, random });
  const documents = createDocuments({
    database,
    clock,
    limits,
    random,
    background,
    onStored: (userId, update, source) => sync.documentStored(userId, update, source),
  });
  const sync: Sync = createSync({
    authenticate: sessions.authenticate,
    logs,
    access: createRoomAccess({ read: database.read }),
    hiddenFrom: (userId) => contacts.blockedBy(userId),
    documents,
    isAllowedOrigin: createOriginCheck(config),
    addressOf: createAddressReader(config.trustedProxies),
    clock,
    random,
    limits,
    log,
    background,
    metrics,
    hasOtherWriters: database.dialect === "postgres",
  });
  const sendSms = createSmsSender({
    provider: smsProvider,
    domain: config.sms.domain,
    appHash: config.sms.appHash,
    onOutcome: (outcome, error) => {
      metrics.smsSent(outcome);
      if (outcome !== "sent") log.warn({ provider: smsProvider.name, outcome, error }, "An SMS was not sent");
    },
  });
  const auth = createAuth({
    database,
    numbers,
    sessions,
    audit,
    clock,
    random,
    newId,
    metrics,
    sendSms,
    registered: (tx, user) => contacts.registered(tx, user),
    secret: secrets.secret,
  });
  const catalogue = createCatalogue({ database, clock, newId });
  const backups = createBackups({ database, audit, clock, folder: join(config.dataDir, BACKUP_FOLDER) });
  const commands = createCommands({ database, clock });
  const favourites = createFavourites({ read: database.read, documents, commands, clock, limits });
  const areas = createAreas({
    read: database.read,
    clock,
    inboxChanged: (userId, area) => {
      sync.hints.inboxChanged(userId);
      if (area === "contacts") sync.hints.blocksChanged(userId);
    },
  });
  const contacts = createContacts({ database, commands, areas, newId, limits });
  const profiles = createProfiles({
    read: database.read,
    clock,
    commands,
    areas,
    isBlocked: contacts.isBlocked,
    becameFindable: contacts.becameFindable,
  });
  const push = createPushOutbox({
    database,
    clock,
    newId,
    isOn: config.push.provider !== "none",
    onAdded: () => pushWorker?.wake(),
  });
  const notifications = createNotifications({ database, commands, areas, push, newId });
  const preferences = createPreferences({ read: database.read, commands, areas });
  const chat = createChat({
    database,
    logs,
    commands,
    notifications,
    push,
    clock,
    newId,
    limits,
    hints: sync.hints,
  });
  const applications = createApplications({ database, commands, areas, clock, newId, limits });
  const admissions = createAdmissions({ database, audit, areas, notifications, clock });
  const pushWorker =
    pushProvider &&
    createPushWorker({
      database,
      provider: pushProvider,
      outbox: push,
      contentOf: createPushContents({ read: database.read, logs, textOf, hasOpen: sync.hasOpen }),
      clock,
      random,
      newId,
      log,
      background,
      onResult: metrics.pushEnded,
    });
  const inbox = createInbox({ read: database.read, notifications, areas, logs, textOf, clock });
  const social = createSocial({
    database,
    commands,
    areas,
    notifications,
    audit,
    clock,
    newId,
    limits,
  });
  const seed = createSeed({
    database,
    audit,
    catalogue,
    clock,
    isProduction: config.env === "production",
    servicesIn: createSeedServices({ database, auth, random, limits }),
  });
  const { read } = database;
  const sessionInspection = createSessionInspection({ read, clock });
  const exportParts = createExportParts({
    read,
    logs,
    profiles,
    sessions: sessionInspection,
    contacts,
    documents,
    notifications,
    preferences,
    applications,
  });
  const account = createAccount({ database, audit, clock, sessions, parts: exportParts });
  const erasure = createErasure({
    database,
    audit,
    clock,
    parts: createErasureParts({ read, logs, hints: sync.hints, newId, limits }),
    endSessions: sessions.endAll,
    forgetPhone: async (tx, phone) => {
      await auth.forgetPhone(tx, phone);
      await numbers.forgetPhone(tx, phone);
    },
  });
  const facts = {
    ...database.facts,
    environment: config.env,
    sms: smsProvider.name,
    push: config.push.provider,
  };
  const router = createRouter({
    database,
    auth,
    sessions,
    sessionInspection,
    account,
    erasure,
    users: createUserInspection({ read }),
    background,
    numbers: createNumberInspection({ database, audit, clock, limits }),
    catalogue,
    backups,
    seed,
    profiles,
    favourites,
    contacts,
    chat,
    inbox,
    notifications,
    social,
    preferences,
    applications,
    admissions,
    pushTokens,
    deadPushes,
    audit,
    clock,
    limits,
    facts,
    countries: config.countries,
    writeRate: createStudentRateLimit({ clock, perSecond: limits.writesPerSecond, burst: limits.writeBurst }),
  });
  const http = await createHttpServer({
    config,
    router,
    sessions,
    adminToken: secrets.adminToken,
    clock,
    limits,
    log,
    metrics,
    ping: () => database.ping(clock.now()),
  });
  sync.attach(http.server);

  const timers = [
    clock.every(NOTICE_ENDS_EVERY_MS, () => background(sessions.noticeEnds())),
    clock.every(NOTICE_STORED_EVERY_MS, () => background(documents.noticeStored())),
    // With SQLite there is only one process, and it tells its own sockets itself.
    ...(database.dialect === "postgres"
      ? [
          clock.every(NOTICE_AREAS_EVERY_MS, () => {
            if (sync.countSockets() > 0) background(areas.notice());
          }),
        ]
      : []),
    ...(pushWorker ? [clock.every(PUSH_EVERY_MS, pushWorker.tick)] : []),
    clock.every(HOUR_MS, () => {
      const now = clock.now();
      background(
        Promise.all([
          auth.prune(now),
          numbers.prune(now),
          sessions.prune(now),
          commands.prune(now),
          notifications.prune(now),
          pushWorker?.prune(now),
        ]),
      );
      background(erasure.run());
    }),
  ];

  // Continue the erasures that a crash or a shutdown interrupted.
  background(erasure.run());

  return {
    facts,
    exportedTables: exportParts.flatMap(({ tables }) => tables),
    procedures: listProcedures(router),
    listen: () => http.listen({ host: config.host, port: config.port }),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { pathname, search } = new URL(request.url);
      const response = await http.inject({
        method: request.method === "POST" ? "POST" : "GET",
        url: pathname + search,
        headers: Object.fromEntries(request.headers),
        ...(request.body ? { payload: await request.text() } : {}),
      });
      // Responses on a socket carry this header from the start; an injected request has no socket, so add it here.
      return new Response(response.body, { status: response.statusCode, headers: ANSWER_HEADER });
    },
    accept: async (connection) => {
      await http.ready();
      http.server.emit("connection", connection);
    },
    seedIfEmpty: async () => {
      if ((await catalogue.count()) > 0) return 0;
      return (await database.write((tx) => catalogue.seed(tx))).universities;
    },
    close: async () => {
      for (const stop of timers) stop();
      // The next start continues an interrupted erasure.
      erasure.close();
      // Close the sockets first; otherwise an open one would keep the HTTP server from closing.
      await sync.close();
      await pushWorker?.close();
      // Abort a running backup instead of waiting for it; its unfinished file is deleted.
      backups.close();
      await http.close();
      await documents.close();
      await settle();
      await database.close();
    },
  };
};

/** Runs tasks that no reply waits for; `settle` lets a shutdown wait for them. */
const createBackground = (log: Logger) => {
  const running = new Set<Promise<unknown>>();
  return {
    background: (task: Promise<unknown>): void => {
      const tracked = task
        .catch((error: unknown) => log.error({ error }, "A background task failed"))
        .finally(() => running.delete(tracked));
      running.add(tracked);
    },
    settle: async (): Promise<void> => {
      await Promise.all(running);
    },
  };
};

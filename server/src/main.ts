import { StorageError } from "@edvoyage/db";
import { systemClock, type Clock } from "./platform/clock.ts";
import { ConfigError, parseConfig, type Config } from "./platform/config.ts";
import { systemRandom } from "./platform/crypto.ts";
import { announceServer, DataDirError, prepareDataDir, retractServer } from "./platform/data-dir.ts";
import { createLogger } from "./platform/logger.ts";
import { createExpoPush } from "./push/expo.ts";
import { createFcmPush } from "./push/fcm.ts";
import { createFilePush } from "./push/file.ts";
import { createConsolePush } from "./push/console.ts";
import type { PushProvider } from "./push/provider.ts";
import { createServer } from "./server.ts";
import { createConsoleSms } from "./sms/console.ts";
import { createFileSms } from "./sms/file.ts";
import type { SmsProvider } from "./sms/sms.ts";
import { createTwilioSms } from "./sms/twilio.ts";
import { createWebhookSms } from "./sms/webhook.ts";

/** How long a shutdown waits for running requests before the process exits with 1. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

const print = (line: string): void => {
  process.stdout.write(line);
};

const main = async (): Promise<void> => {
  const config = parseConfig(process.env);
  const log = createLogger(config.logLevel);
  const secrets = await prepareDataDir(config, { random: systemRandom, log });
  const server = await createServer({
    config,
    secrets,
    clock: systemClock,
    random: systemRandom,
    log,
    smsProvider: createSmsProvider(config, systemClock),
    pushProvider: createPushProvider(config, systemClock),
  });

  let isStopping = false;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    // A second signal stops the process at once.
    if (isStopping) process.exit(130);
    isStopping = true;
    log.info({ signal }, "Stopping");
    setTimeout(() => {
      log.error({ signal }, "Running requests did not finish before the shutdown timeout");
      process.exit(1);
    }, SHUTDOWN_TIMEOUT_MS).unref();
    retractServer(config.dataDir);
    await server.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, (name) => void stop(name));

  const seeded = config.seed === "demo" ? await server.seedIfEmpty() : 0;
  const url = await server.listen();
  announceServer(config.dataDir, url);
  log.info({ url }, "Listening");
  print(banner({ config, url, seeded, facts: server.facts }));
};

const createSmsProvider = ({ sms }: Config, clock: Clock): SmsProvider => {
  switch (sms.provider) {
    case "console":
      return createConsoleSms(print);
    case "file":
      return createFileSms(sms.path);
    case "webhook":
      return createWebhookSms({ url: sms.url, secret: sms.secret, clock });
    case "twilio":
      return createTwilioSms(sms);
  }
};

const createPushProvider = ({ push }: Config, clock: Clock): PushProvider | undefined => {
  switch (push.provider) {
    case "none":
      return undefined;
    case "log":
      return createConsolePush(print);
    case "file":
      return createFilePush(push.path);
    case "expo":
      return createExpoPush(push);
    case "fcm":
      return createFcmPush({ ...push, clock });
  }
};

const describeCodeDelivery = ({ sms }: Config): string => {
  switch (sms.provider) {
    case "console":
      return "codes are shown in this terminal";
    case "file":
      return `codes are written to ${sms.path}`;
    case "webhook":
      return `codes are sent to ${new URL(sms.url).origin}`;
    case "twilio":
      return "codes are sent by Twilio";
  }
};

const banner = ({
  config,
  url,
  seeded,
  facts,
}: {
  readonly config: Config;
  readonly url: string;
  readonly seeded: number;
  readonly facts: Readonly<Record<string, string>>;
}): string => {
  const lines = [
    "",
    "EdVoyage is running.",
    "",
    `  Listening  ${url}`,
    `  Data       ${config.dataDir}  (${facts["database"]})`,
    ...(seeded > 0 ? [`             new: ${seeded} sample universities and their courses`] : []),
    `  Sign in    ${describeCodeDelivery(config)}; to get one:`,
    `             curl ${url}/trpc/auth.requestCode -H 'content-type: application/json' \\`,
    `               -d '{"phone": "+447400123456", "deviceId": "my-first-device-0123456"}'`,
    "  Terminal   npx edvoyage doctor",
    "             npx edvoyage sessions list",
    "             npx edvoyage numbers list",
    "",
    "Ctrl-C stops it.",
    "",
    "",
  ];
  return lines.join("\n");
};

/** Describes a failure: in one line when the operator can fix it, with the whole stack when it is a bug. */
const describeFailure = (error: unknown): string => {
  if (error instanceof ConfigError || error instanceof DataDirError) return error.message;
  if (error instanceof StorageError) {
    if (error.kind === "locked") return `${error.message}: is another EdVoyage running?`;
    // The driver's reason, for example a wrong password. Empty when the driver tried several addresses.
    const reason = error.cause instanceof Error ? error.cause.message : "";
    return reason ? `${error.message}: ${reason}` : `${error.message}.`;
  }
  if (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^E[A-Z]+$/.test(error.code)
  ) {
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
};

main().catch((error: unknown) => {
  process.stderr.write(`edvoyage: ${describeFailure(error)}\n`);
  process.exit(1);
});

/** A text message with a sign-in code. */
export interface SmsMessage {
  /** E.164. */
  readonly to: string;
  /** At most 140 bytes. */
  readonly text: string;
  readonly code: string;
  /** Idempotency key: a provider that gets it twice sends the message once. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Delivers messages to phones. */
export interface SmsProvider {
  readonly name: "console" | "file" | "webhook" | "twilio";
  /**
   * Sends a message; resolves when the provider has accepted it. Throws `SmsRefusedError` when the message
   * will definitely not be delivered; after any other error the outcome is unknown.
   */
  send(message: SmsMessage): Promise<void>;
}

/** Thrown when the provider definitely did not accept the message, so that the message does not count towards a limit. */
export class SmsRefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SmsRefusedError";
  }
}

/** The limit of Android's SMS Retriever and of one 8-bit message (developers.google.com/identity/sms-retriever). */
export const MAX_SMS_BYTES = 140;

/**
 * Returns the text of a message. Its last line binds the code to a domain, so that browsers and iOS offer the
 * code only there (https://wicg.github.io/sms-one-time-codes/). With `appHash`, Android offers it to the app.
 */
export const codeToText = (
  code: string,
  { domain, appHash }: { domain: string; appHash?: string | undefined },
): string =>
  [
    `${code} is your EdVoyage code. Never share it.`,
    ...(appHash ? [appHash] : []),
    `@${domain} #${code}`,
  ].join("\n");

/** The outcome of a message. An `unknown` one may have been delivered. */
export type SmsOutcome = "sent" | "refused" | "unknown";

/** Creates a function that sends a code with the provider. It never throws. */
export const createSmsSender =
  (deps: {
    readonly provider: SmsProvider;
    readonly domain: string;
    readonly appHash?: string | undefined;
    readonly onOutcome: (outcome: SmsOutcome, error?: unknown) => void;
  }) =>
  async (message: Omit<SmsMessage, "text">): Promise<SmsOutcome> => {
    const { provider, domain, appHash, onOutcome } = deps;
    try {
      await provider.send({ ...message, text: codeToText(message.code, { domain, appHash }) });
      onOutcome("sent");
      return "sent";
    } catch (error) {
      const outcome = error instanceof SmsRefusedError ? "refused" : "unknown";
      onOutcome(outcome, error);
      return outcome;
    }
  };

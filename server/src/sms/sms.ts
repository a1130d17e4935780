/** A text message with a sign-in code. */
export interface SmsMessage {
  /** E.164. */
  readonly to: string;
  /** At most 140 bytes. */
  readonly text: string;
  readonly code: string;
  /** Unique to this message: a provider that sees it twice sends once. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Carries messages to phones. */
export interface SmsProvider {
  readonly name: "console" | "file" | "webhook" | "twilio";
  /**
   * Resolves when the provider has taken the message. Throws `SmsRefusedError` when it surely will not
   * be delivered; any other error means that nobody knows.
   */
  send(message: SmsMessage): Promise<void>;
}

/** The provider definitely did not take the message: what it was booked for is given back. */
export class SmsRefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SmsRefusedError";
  }
}

/** SMS Retriever on Android and the budget of one 8-bit message (developers.google.com/identity/sms-retriever). */
export const MAX_SMS_BYTES = 140;

/**
 * The text of a message. Its last line binds the code to a domain, so that browsers and iOS offer it
 * there and nowhere else (https://wicg.github.io/sms-one-time-codes/); `appHash` lets Android do so.
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

/** What became of a message; `unknown` may have been delivered. */
export type SmsOutcome = "sent" | "refused" | "unknown";

/** Puts codes into words and hands them to the provider; never throws. */
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

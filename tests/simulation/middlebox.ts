import type { Fault } from "./faults.ts";
import type { SeededRandom } from "./random.ts";

/** Something between a device and the server that answers for the server, such as a firewall, a proxy or a captive portal. */
export interface Middlebox {
  /** Wraps the `fetch` of the device. */
  wrap(send: typeof fetch): typeof fetch;
  /** From now on, the share of requests that something else answers, before or after the server has acted. */
  setShare(share: number): void;
  /** From now on, refuses every try of about one command in eight. `false` ends this. */
  refuseSome(refuses: boolean): void;
  /** From now on, requests arrive without their `Authorization` header. `false` ends this. */
  loseKeys(loses: boolean): void;
}

/** Answers of programs that are not the server. */
const FOREIGN_ANSWERS: readonly (readonly [status: number, body: string])[] = [
  [403, "<html><h1>Forbidden</h1></html>"],
  [403, '{"message":"Forbidden"}'],
  [413, "<html>Request Entity Too Large</html>"],
  [502, "<html>Bad Gateway</html>"],
  [200, "<html>Sign in to this network</html>"],
  [200, '{"result":{"data":{}}}'],
  [401, '{"error":"proxy authentication"}'],
];

export const createMiddlebox = ({
  random,
  strike,
}: {
  readonly random: SeededRandom;
  readonly strike: (fault: Fault) => void;
}): Middlebox => {
  let share = 0;
  let refusedDigit: string | undefined;
  let losesKeys = false;

  const foreignAnswer = (): Response => {
    const [status, body] = random.pick([[403, "no"], ...FOREIGN_ANSWERS] as const);
    return new Response(body, { status, headers: { "content-type": "text/html" } });
  };

  /** The last digit of a command's id decides, so that every try of a command meets the same. */
  const isRefused = (body: unknown): boolean => {
    if (refusedDigit === undefined || typeof body !== "string") return false;
    const id = /"commandId":"([^"]+)"/.exec(body)?.[1];
    return id !== undefined && (id.at(-1) === refusedDigit || id.at(-1) === "0");
  };

  return {
    wrap: (send) => async (input, init) => {
      if (isRefused(init?.body)) {
        strike("refused on the way");
        return foreignAnswer();
      }
      const headers = new Headers(init?.headers);
      if (losesKeys && headers.has("authorization")) {
        strike("key lost");
        headers.delete("authorization");
      }
      const isAnswered = share > 0 && random.chance(share);
      if (isAnswered) strike("answered by something else");
      if (isAnswered && random.chance(0.5)) return foreignAnswer();
      const response = await send(input, { ...init, headers });
      return isAnswered ? foreignAnswer() : response;
    },
    setShare: (next) => {
      share = next;
    },
    refuseSome: (refuses) => {
      refusedDigit = refuses ? random.pick(["1", "5", "9", "c"]) : undefined;
    },
    loseKeys: (loses) => {
      losesKeys = loses;
    },
  };
};

import type { IncomingMessage } from "node:http";
import { isIP, isIPv4 } from "node:net";
import proxyAddr from "@fastify/proxy-addr";
import ipaddr from "ipaddr.js";
import type { Clock } from "../platform/clock.ts";
import { MINUTE_MS, secondsUntil } from "../platform/clock.ts";

/**
 * Returns the key under which limits count an address: an IPv4 address itself, or the /64 of an IPv6 address. One subscriber
 * gets at least a /64 (RFC 6177) and could otherwise use 2^64 addresses. Returns `unknown` for a text that is no address.
 */
export const addressToLimitKey = (address: string): string => {
  if (isIPv4(address)) return address;
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (!("parts" in parsed)) return parsed.toString();
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
};

/** Builds a reader of a request's address, as Fastify reads it: the socket's peer, or the address that a trusted proxy reports. */
export const createAddressReader = (
  trustedProxies: readonly string[],
): ((request: IncomingMessage) => string) => {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => proxyAddr(request, isTrusted);
};

/** Returns whether a text is an IP address, or a CIDR range that does not cover all addresses. */
export const isAddressOrRange = (text: string): boolean => {
  if (isIP(text)) return true;
  const [address = "", bits = ""] = text.split("/");
  return isIP(address) !== 0 && ipaddr.isValidCIDR(text) && Number(bits) > 0;
};

/** Addresses counted separately within one minute. Any further addresses share one allowance. */
const MAX_ADDRESSES = 50_000;

/** Coarse protection of this process: counts in memory, for one minute at a time. Sign-in security does not depend on it. */
export interface AddressLimiter {
  /** Counts `calls`. Returns 0 if they are allowed, otherwise the seconds after which to retry. */
  take(address: string, calls: number): number;
}

/** Allows each address `callsPerMinute` calls in each minute of the clock. */
export const createAddressLimiter = (clock: Clock, callsPerMinute: number): AddressLimiter => {
  let minute = 0;
  const callsByAddress = new Map<string, number>();
  return {
    take: (address, calls) => {
      const now = clock.monotonicNow();
      const current = Math.floor(now / MINUTE_MS);
      if (current !== minute) {
        minute = current;
        callsByAddress.clear();
      }
      const limitKey = addressToLimitKey(address);
      const key = callsByAddress.has(limitKey) || callsByAddress.size < MAX_ADDRESSES ? limitKey : "others";
      const taken = (callsByAddress.get(key) ?? 0) + calls;
      if (taken > callsPerMinute) return secondsUntil((minute + 1) * MINUTE_MS, now);
      callsByAddress.set(key, taken);
      return 0;
    },
  };
};

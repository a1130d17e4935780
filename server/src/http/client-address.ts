import type { IncomingMessage } from "node:http";
import { isIP, isIPv4 } from "node:net";
import proxyAddr from "@fastify/proxy-addr";
import ipaddr from "ipaddr.js";
import type { Clock } from "../platform/clock.ts";
import { MINUTE_MS, secondsUntil } from "../platform/clock.ts";

/**
 * What counts as one address: an IPv4 address, or an IPv6 /64, which is what one subscriber gets
 * (RFC 6177) and could otherwise draw 2^64 addresses from.
 */
export const addressToLimitKey = (address: string): string => {
  if (isIPv4(address)) return address;
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (!("parts" in parsed)) return parsed.toString();
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
};

/** Where a request comes from: the socket's peer, or what a trusted proxy says; as Fastify does it. */
export const createAddressReader = (
  trustedProxies: readonly string[],
): ((request: IncomingMessage) => string) => {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => proxyAddr(request, isTrusted);
};

/** Whether a text is an IP address, or a CIDR range of fewer than all addresses. */
export const isAddressOrRange = (text: string): boolean => {
  if (isIP(text)) return true;
  const [address = "", bits = ""] = text.split("/");
  return isIP(address) !== 0 && ipaddr.isValidCIDR(text) && Number(bits) > 0;
};

/** Addresses of which a minute remembers the calls; the rest of a flood shares one allowance. */
const MAX_ADDRESSES = 50_000;

/** Coarse protection of the process, in its memory and for one minute; no guarantee of sign-in rests on it. */
export interface AddressLimiter {
  /** Counts `calls`; returns in how many seconds to come back when they are too many, else 0. */
  take(address: string, calls: number): number;
}

/** Allows `callsPerMinute` to each address in each minute of the clock. */
export const createAddressLimiter = (clock: Clock, callsPerMinute: number): AddressLimiter => {
  let minute = 0;
  const callsByAddress = new Map<string, number>();
  return {
    take: (address, calls) => {
      const now = clock.now();
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

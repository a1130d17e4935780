import type { Config } from "../platform/config.ts";

const LOCALHOST_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** Returns the origins whose pages may call the API and open sockets, in the form that `@fastify/cors` takes. */
export const allowedOriginsOf = ({ allowedOrigins }: Pick<Config, "allowedOrigins">): RegExp | string[] =>
  allowedOrigins === "localhost" ? LOCALHOST_ORIGIN : [...allowedOrigins];

/** Builds a check of whether an `Origin` header names an allowed origin. */
export const createOriginCheck = (config: Pick<Config, "allowedOrigins">): ((origin: string) => boolean) => {
  const allowed = allowedOriginsOf(config);
  return (origin) => (allowed instanceof RegExp ? allowed.test(origin) : allowed.includes(origin));
};

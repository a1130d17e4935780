import type { Config } from "../platform/config.ts";

const LOCALHOST_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** Origins whose pages may call the API and open sockets, in the form that CORS wants them. */
export const allowedOriginsOf = ({ allowedOrigins }: Pick<Config, "allowedOrigins">): RegExp | string[] =>
  allowedOrigins === "localhost" ? LOCALHOST_ORIGIN : [...allowedOrigins];

/** Whether an `Origin` header is one of them. */
export const createOriginCheck = (config: Pick<Config, "allowedOrigins">): ((origin: string) => boolean) => {
  const allowed = allowedOriginsOf(config);
  return (origin) => (allowed instanceof RegExp ? allowed.test(origin) : allowed.includes(origin));
};

/**
 * Every limit of the product with its default. `EDVOYAGE_LIMITS` (a JSON object) may change each;
 * what goes over one is answered with the error that names it.
 */
export const defaultLimits = {
  /** Largest HTTP request body, in bytes. */
  httpBodyBytes: 256 * 1024,
  /** Calls in one batched HTTP request. */
  batchCalls: 10,
  /** Calls a minute from one IP (IPv6: one /64) that carry no valid session. */
  callsPerMinutePerIp: 600,

  /** Live sessions of a student; signing in on one more device ends the least recently used. */
  sessionsPerUser: 10,
  /** Sessions that the server keeps in memory to save a query; the least recently used goes. */
  sessionCacheEntries: 20_000,

  /** Wrong codes after which a device is blocked from a phone for `blockSeconds`. */
  wrongCodesPerBlock: 3,
  /** How long a device stays blocked from a phone, in seconds. */
  blockSeconds: 300,
  /** Wrong 6-digit codes in 24 hours that devices unknown to a phone share. */
  wrongSixDigitCodesPerDay: 9,
  /** Wrong 6-digit codes in 30 days that devices unknown to a phone share. */
  wrongSixDigitCodesPerMonth: 30,
  /** Wrong codes of any length in 30 days after which devices unknown to a phone are paused. */
  wrongCodesPerMonth: 100,
  /** Wrong codes in 30 days after which a known device loses its privileges. */
  wrongCodesPerKnownDevicePerMonth: 30,

  /** Messages an hour to one phone for one device. */
  sendsPerHourPerDevice: 5,
  /** Messages a day to one phone for all devices unknown to it. */
  sendsPerDayPerPhone: 10,
  /** Of those, how many one IP (IPv6: one /64) may cause. */
  sendsPerDayPerPhonePerIp: 3,
  /** Messages an hour caused by one IP (IPv6: one /64). */
  sendsPerHourPerIp: 120,
  /** Messages an hour in all; `EDVOYAGE_SMS_HOURLY_CAP` sets it too. */
  sendsPerHour: 500,
  /** Messages an hour on top of `sendsPerHour` that only known devices can use. */
  sendsPerHourReserve: 100,

  /** Entries of one `admin.catalogue.import` call. */
  importEntries: 500,
} as const satisfies Record<string, number>;

/** The name of a limit, as `limit/reached` and `EDVOYAGE_LIMITS` spell it. */
export type LimitName = keyof typeof defaultLimits;

/** The limits in force. */
export type Limits = Readonly<Record<LimitName, number>>;

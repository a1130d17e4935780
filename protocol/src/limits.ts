/** Those that a device knows as well, so that it says at once what the server would refuse. Apart: an app is to carry no others. */
export const deviceLimits = {
  /** Characters (UTF-16 code units) of a message. */
  messageCharacters: 4_000,
  /** Characters (UTF-16 code units) of a post. */
  postCharacters: 10_000,
  /** Characters (UTF-16 code units) of a comment. */
  commentCharacters: 2_000,
  /** Encoded bytes of a user document. */
  documentBytes: 1024 * 1024,
  /** Entries of a state vector sent for a document. */
  documentStateVectorEntries: 8_192,
  /** Favourites of a student; checked where one is added. */
  favourites: 2_000,
} as const satisfies Record<string, number>;

/**
 * Every limit of the product with its default. `EDVOYAGE_LIMITS` (a JSON object) may change each;
 * what goes over one is answered with the error that names it.
 */
export const defaultLimits = {
  ...deviceLimits,

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
  /** Devices that are known to a phone: those that signed in with it last. Older ones are strangers again. */
  knownDevicesPerPhone: 10,
  /** Wrong codes in 30 days after which a known device loses its privileges. */
  wrongCodesPerKnownDevicePerMonth: 30,

  /** Messages an hour to one phone for one device. */
  sendsPerHourPerDevice: 5,
  /** Messages in 24 hours to one phone for all devices unknown to it. */
  sendsPerDayPerPhone: 10,
  /** Of those, how many one IP (IPv6: one /64) may cause. */
  sendsPerDayPerPhonePerIp: 3,
  /** Messages in 24 hours to one phone for all devices known to it: a budget that strangers cannot spend. */
  sendsPerDayPerPhoneForKnownDevices: 15,
  /** Sign-ins in 24 hours with one phone whose messages are given back to its budgets; those after them cost theirs. */
  signInsGivenBackPerDayPerPhone: 10,
  /** Messages an hour caused by one IP (IPv6: one /64). */
  sendsPerHourPerIp: 120,
  /** Messages an hour in all; `EDVOYAGE_SMS_HOURLY_CAP` sets it too. */
  sendsPerHour: 500,
  /** Messages an hour on top of `sendsPerHour` that only known devices can use. */
  sendsPerHourReserve: 100,
  /** Messages an hour that the known devices of one phone can use of that reserve. */
  sendsPerHourReservePerPhone: 3,

  /** Entries of one `admin.catalogue.import` call. */
  importEntries: 500,

  /** Events of one segment of a log, its `next` included. */
  segmentEvents: 256,
  /** Encoded bytes after which a segment is sealed. */
  segmentBytes: 64 * 1024,

  /**
   * Calls that write a second of one student, in the long run, on one node; ending sessions is free. Above `messagesPerSecond`,
   * so that chat keeps its own rate.
   */
  writesPerSecond: 25,
  /** Of those, how many at once: the messages of a day offline and as many other commands. */
  writeBurst: 2_000,

  /** Messages a second of one student, in the long run. */
  messagesPerSecond: 20,
  /** Messages that a student may send at once: a day offline. */
  messageBurst: 1_000,
  /** Members of a room, those invited included. */
  roomMembers: 256,
  /** Rooms of a student. */
  roomsPerUser: 200,
  /** Direct rooms a day that a student opens with somebody whose contact she is not. */
  directRoomsWithStrangersPerDay: 20,

  /** Students whom one post or comment names. */
  mentions: 20,
  /** Students whom one student follows. */
  followed: 5_000,
  /** Posts and edits of posts an hour of one student, in the long run. */
  postsPerHour: 60,
  /** Of those, how many at once: a day offline. */
  postBurst: 200,
  /** Comments an hour of one student, in the long run. */
  commentsPerHour: 600,
  /** Comments of a student at once. */
  commentBurst: 500,
  /** Likes and follows, given and taken back, an hour of one student, in the long run. */
  reactionsPerHour: 3_600,
  /** Of those, how many at once. */
  reactionBurst: 1_000,
  /** Reports of posts an hour of one student, in the long run. */
  reportsPerHour: 10,
  /** Reports of a student at once. */
  reportBurst: 50,

  /** Numbers among the contacts of a student. */
  contactNumbers: 2_000,
  /** Numbers that a student may add at once: an address book. */
  contactNumberBurst: 500,
  /** Numbers a day that a student may add in the long run: who lets herself be found by hers is not to be found by trying. */
  contactNumbersPerDay: 100,

  /** Applications of a student, those that are over included. */
  applicationsPerUser: 200,
  /** Characters (UTF-16 code units) of each long text of an application. */
  applicationTextCharacters: 6_000,
  /** Documents that one application refers to. */
  documentsPerApplication: 30,

  /** Open sockets of one session. */
  socketsPerSession: 24,
  /** Sockets of one IP (IPv6: one /64) that are not signed in yet. */
  socketsPerIpBeforeSignIn: 100,
  /** How long a socket may take to say who it is, in milliseconds. */
  handshakeMs: 5_000,
  /** Bytes of one frame from a client. */
  frameBytes: 256 * 1024,
  /** Fragments of one frame from a client. */
  frameFragments: 64,
  /** Frames a second from one socket, in the long run. */
  framesPerSecond: 50,
  /** Frames that a socket may send at once. */
  frameBurst: 200,
  /** Requests for what it lacks (sync step 1) a second from one socket. */
  stepOnesPerSecond: 5,
  /** Entries of a state vector sent for a log. */
  logStateVectorEntries: 64,
  /** Bytes of what a student tells of her presence in a room. */
  awarenessBytes: 1_024,
  /** Bytes that may wait to be read by one socket. */
  sendBufferBytes: 1024 * 1024,
} as const satisfies Record<string, number>;

/** The name of a limit, as `limit/reached` and `EDVOYAGE_LIMITS` spell it. */
export type LimitName = keyof typeof defaultLimits;

/** The limits in force. */
export type Limits = Readonly<Record<LimitName, number>>;

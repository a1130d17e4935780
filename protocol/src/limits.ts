/**
 * The limits that a device checks too, so that it rejects immediately what the server would refuse. Separate, so that
 * apps bundle no others.
 */
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
 * Every limit of the product with its default. `EDVOYAGE_LIMITS` (a JSON object) can change each;
 * a call above a limit gets an error that names it.
 */
export const defaultLimits = {
  ...deviceLimits,

  /** Largest HTTP request body, in bytes. */
  httpBodyBytes: 256 * 1024,
  /** Calls in one batched HTTP request. */
  batchCalls: 10,
  /** Calls without a valid session, for each minute and IP (IPv6: /64). */
  callsPerMinutePerIp: 600,

  /** Live sessions of a student; signing in on one more device ends the least recently used one. */
  sessionsPerUser: 10,
  /** Sessions cached in memory to save a query; the least recently used one is dropped first. */
  sessionCacheEntries: 20_000,

  /** Wrong codes after which a device is blocked for a phone for `blockSeconds`. */
  wrongCodesPerBlock: 3,
  /** How long a device stays blocked for a phone, in seconds. */
  blockSeconds: 300,
  /** Wrong 6-digit codes for a phone in 24 hours, from all devices unknown to it together. */
  wrongSixDigitCodesPerDay: 9,
  /** Wrong 6-digit codes for a phone in 30 days, from all devices unknown to it together. */
  wrongSixDigitCodesPerMonth: 30,
  /** Wrong codes of any length for a phone in 30 days, after which devices unknown to it are paused. */
  wrongCodesPerMonth: 100,
  /** Devices known to a phone: those that signed in with it last. Older ones become unknown again. */
  knownDevicesPerPhone: 10,
  /** Wrong codes in 30 days after which a known device loses its privileges. */
  wrongCodesPerKnownDevicePerMonth: 30,

  /** SMS for each hour, phone and device. */
  sendsPerHourPerDevice: 5,
  /** SMS to one phone in 24 hours, for all devices unknown to it together. */
  sendsPerDayPerPhone: 10,
  /** How many of those one IP (IPv6: /64) may cause. */
  sendsPerDayPerPhonePerIp: 3,
  /** SMS to one phone in 24 hours, for all devices known to it together: unknown devices cannot use up this budget. */
  sendsPerDayPerPhoneForKnownDevices: 15,
  /** Sign-ins with one phone in 24 hours whose SMS are returned to its budgets; the SMS of later sign-ins count. */
  signInsGivenBackPerDayPerPhone: 10,
  /** SMS for each hour caused by one IP (IPv6: /64). */
  sendsPerHourPerIp: 120,
  /** SMS for each hour in total; `EDVOYAGE_SMS_HOURLY_CAP` sets it too. */
  sendsPerHour: 500,
  /** SMS for each hour on top of `sendsPerHour`, reserved for known devices. */
  sendsPerHourReserve: 100,
  /** SMS for each hour from that reserve for the known devices of one phone. */
  sendsPerHourReservePerPhone: 3,

  /** Entries in one `admin.catalogue.import` call. */
  importEntries: 500,

  /** Events in one segment of a log, including its `next` event. */
  segmentEvents: 256,
  /** Encoded bytes after which a segment is sealed. */
  segmentBytes: 64 * 1024,

  /**
   * Writing calls for each second and student on one node, in the long run; ending sessions does not count. Higher than
   * `messagesPerSecond`, so that chat keeps its own rate.
   */
  writesPerSecond: 25,
  /** Burst of writing calls: the messages of a day offline, and as many other commands. */
  writeBurst: 2_000,

  /** Chat messages for each second and student, in the long run. */
  messagesPerSecond: 20,
  /** Burst of chat messages of a student: a day offline. */
  messageBurst: 1_000,
  /** Members of a room, including invited students. */
  roomMembers: 256,
  /** Rooms of a student. */
  roomsPerUser: 200,
  /** Direct rooms that a student opens each day with students who do not have them among their contacts. */
  directRoomsWithStrangersPerDay: 20,

  /** Students mentioned in one post or comment. */
  mentions: 20,
  /** Students followed by one student. */
  followed: 5_000,
  /** Posts and edits of posts for each hour and student, in the long run. */
  postsPerHour: 60,
  /** Burst of posts and edits of a student: a day offline. */
  postBurst: 200,
  /** Comments for each hour and student, in the long run. */
  commentsPerHour: 600,
  /** Burst of comments of a student. */
  commentBurst: 500,
  /** Likes, follows, and removals of these, for each hour and student, in the long run. */
  reactionsPerHour: 3_600,
  /** Burst of likes, follows and their removals of a student. */
  reactionBurst: 1_000,
  /** Reports of posts for each hour and student, in the long run. */
  reportsPerHour: 10,
  /** Burst of reports of a student. */
  reportBurst: 50,

  /** Phone numbers among the contacts of a student. */
  contactNumbers: 2_000,
  /** Burst of phone numbers that a student adds: an address book. */
  contactNumberBurst: 500,
  /** Phone numbers that a student adds each day, in the long run. Prevents finding students by trying out numbers. */
  contactNumbersPerDay: 100,

  /** Applications of a student, including closed ones. */
  applicationsPerUser: 200,
  /** Characters (UTF-16 code units) of each long text of an application. */
  applicationTextCharacters: 6_000,
  /** Documents that one application refers to. */
  documentsPerApplication: 30,

  /** Open sockets of one session. */
  socketsPerSession: 24,
  /** Sockets of one IP (IPv6: /64) that are not authenticated yet. */
  socketsPerIpBeforeSignIn: 100,
  /** How long a socket may take to authenticate, in milliseconds. */
  handshakeMs: 5_000,
  /** Bytes of one frame from a client. */
  frameBytes: 256 * 1024,
  /** Fragments of one frame from a client. */
  frameFragments: 64,
  /** Frames for each second and socket, in the long run. */
  framesPerSecond: 50,
  /** Burst of frames of a socket. */
  frameBurst: 200,
  /** Sync requests (step 1) for each second and socket. */
  stepOnesPerSecond: 5,
  /** Entries of a state vector sent for a log. */
  logStateVectorEntries: 64,
  /** Bytes of a student's presence state in a room. */
  awarenessBytes: 1_024,
  /** Unsent bytes that may wait for one socket. */
  sendBufferBytes: 1024 * 1024,
} as const satisfies Record<string, number>;

/** The name of a limit, as `limit/reached` and `EDVOYAGE_LIMITS` spell it. */
export type LimitName = keyof typeof defaultLimits;

/** The limits that are in effect. */
export type Limits = Readonly<Record<LimitName, number>>;

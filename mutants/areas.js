/**
 * The areas of mutation testing. `sources` are the beginnings of paths; a file belongs to the first group that names it.
 * Each source file is one run of Stryker with the tests of its group, so a small set of tests makes it fast.
 */
export const AREAS = {
  "log-encoder": [
    { sources: ["server/src/sync/log-encoder"], tests: ["server/src/sync/log-encoder.test.ts"] },
  ],
  "group-commit": [
    { sources: ["db/src/dialects/group-commit"], tests: ["db/src/dialects/group-commit.test.ts"] },
  ],
  commands: [{ sources: ["server/src/commands/"], tests: ["tests/contracts/commands.test.ts"] }],
  numbers: [
    { sources: ["server/src/numbers/phone"], tests: ["server/src/numbers/phone.test.ts"] },
    {
      sources: ["server/src/numbers/numbers.rules"],
      tests: ["server/src/numbers/numbers.rules.test.ts", "server/src/numbers/numbers.budgets.test.ts"],
    },
    { sources: ["server/src/numbers/inspection"], tests: ["server/src/numbers/inspection.test.ts"] },
    { sources: ["server/src/numbers/numbers.ts"], tests: ["server/src/numbers/numbers.test.ts"] },
    {
      sources: ["server/src/numbers/"],
      tests: ["server/src/numbers/numbers.test.ts", "server/src/numbers/inspection.test.ts"],
    },
  ],
  outbox: [
    {
      sources: ["client-sdk/src/outbox/outbox-view"],
      tests: ["client-sdk/src/outbox/outbox-view.test.ts"],
    },
    { sources: ["client-sdk/src/outbox/send"], tests: ["client-sdk/src/outbox/send.test.ts"] },
    {
      sources: ["client-sdk/src/outbox/stored-entry"],
      tests: [
        "client-sdk/src/outbox/outbox.test.ts",
        "client-sdk/src/outbox/outbox-retries.test.ts",
        "client-sdk/src/outbox/stored-entry.test.ts",
      ],
    },
    {
      sources: ["client-sdk/src/outbox/"],
      tests: [
        "client-sdk/src/outbox/outbox.test.ts",
        "client-sdk/src/outbox/outbox-retries.test.ts",
        "client-sdk/src/outbox/outbox-states.test.ts",
      ],
    },
  ],
  push: [
    { sources: ["server/src/push/retry-after"], tests: ["server/src/push/retry-after.test.ts"] },
    {
      sources: ["server/src/push/expo", "server/src/push/fcm"],
      tests: ["tests/contracts/push-requests.test.ts", "tests/contracts/push-providers.test.ts"],
    },
    {
      sources: ["server/src/push/"],
      tests: ["tests/journeys/server/push.test.ts", "tests/journeys/server/push-failures.test.ts"],
    },
  ],
  erasure: [
    {
      sources: ["server/src/account/"],
      tests: ["tests/journeys/server/account.test.ts", "tests/contracts/student-data.test.ts"],
    },
  ],
  "sign-in": [
    {
      sources: ["server/src/sms/twilio"],
      tests: ["server/src/sms/twilio.test.ts", "server/src/sms/twilio-answers.test.ts"],
    },
    {
      sources: ["server/src/sms/"],
      tests: ["server/src/sms/sms.test.ts", "server/src/sms/webhook.test.ts"],
    },
    {
      sources: ["server/src/auth/"],
      tests: [
        "tests/journeys/server/sign-in.test.ts",
        "tests/journeys/server/sign-in-attacks.test.ts",
        "tests/journeys/server/known-devices.test.ts",
      ],
    },
  ],
  sessions: [
    {
      sources: ["server/src/sessions/session-cache"],
      tests: ["server/src/sessions/session-cache.test.ts"],
    },
    {
      sources: ["server/src/sessions/session-ends.ts"],
      tests: ["server/src/sessions/session-ends.test.ts"],
    },
    {
      sources: ["server/src/sessions/"],
      tests: ["server/src/sessions/sessions.test.ts", "server/src/sessions/session-rows.test.ts"],
    },
  ],
  documents: [
    {
      sources: [
        "server/src/sync/document",
        "server/src/sync/loaded-documents",
        "server/src/sync/user-document",
      ],
      tests: [
        "tests/contracts/documents.test.ts",
        "tests/contracts/documents-stored.test.ts",
        "tests/contracts/documents-nodes.test.ts",
        "tests/journeys/server/favourites.test.ts",
      ],
    },
  ],
  students: [
    {
      sources: ["client-sdk/src/students/live-session"],
      tests: ["client-sdk/src/students/live-session.test.ts"],
    },
    { sources: ["client-sdk/src/students/wipe"], tests: ["client-sdk/src/students/wipe.test.ts"] },
    {
      sources: ["client-sdk/src/students/session-store"],
      tests: [
        "client-sdk/src/students/session-store.test.ts",
        "client-sdk/src/students/stored-session.test.ts",
      ],
    },
    {
      sources: ["client-sdk/src/students/"],
      tests: [
        "client-sdk/src/students/session-store.test.ts",
        "tests/journeys/sdk/sign-in.test.ts",
        "tests/journeys/sdk/lost-session.test.ts",
        "tests/journeys/sdk/renewal.test.ts",
      ],
    },
  ],
};

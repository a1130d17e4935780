import type { InspectedUser } from "@edvoyage/server";
import { defineCommand } from "../command.ts";
import { showPhones } from "../parameter.ts";
import { line, type OutputLine } from "../outcome.ts";
import { readUpTo } from "../paging.ts";
import { instantAndDistance } from "../time.ts";
import { findUser, studentArgument } from "./student-argument.ts";

/** More than a student can have. */
const MAX_SESSIONS = 100;

/** `edvoyage users show`. */
export const showUser = defineCommand({
  summary: "Show a student and the state of their account",
  parameters: { named: studentArgument, showPhones },
  examples: [
    "edvoyage users show +447400123456",
    "edvoyage users show 01928f3e-8c1a-7b52-9e1f-0242ac120002 --json",
  ],
  exits: {
    notFound: "There is no such student.",
  },
  hints: { "not-found": "Look for the student with edvoyage users list." },
  run: async ({ connect, now }, { named, showPhones }) => {
    const { client } = await connect();
    const user = await findUser(client, named, { showPhones });
    const sessions = await readUpTo(MAX_SESSIONS, (page) =>
      client.admin.sessions.list.query({ userId: user.id, ...page }),
    );
    const liveSessions = sessions.items.length;
    return { data: { ...user, liveSessions }, view: userToView(user, { liveSessions, now: now() }) };
  },
});

const userToView = (
  user: InspectedUser,
  { liveSessions, now }: { readonly liveSessions: number; readonly now: number },
): OutputLine[] => {
  const { id, phone, name, homeCountry, createdAt, lastSeenAt } = user;
  return [
    line(phone),
    line(id, label("Student")),
    line(name ?? "-", label("Name")),
    line(homeCountry ?? "-", label("Country")),
    line(instantAndDistance(createdAt, now), label("Since")),
    line(lastSeenAt === null ? "-" : instantAndDistance(lastSeenAt, now), label("Last seen")),
    line(`${liveSessions} signed in`, label("Devices")),
    line(describeState(user, now), label("Account")),
  ];
};

const describeState = ({ state, eraseAt }: InspectedUser, now: number): string => {
  switch (state) {
    case "active":
      return "active";
    case "deleted":
      return `deleted by the student; will be erased ${eraseAt === null ? "soon" : instantAndDistance(eraseAt, now)} unless they sign in`;
    case "erasing":
      return "being erased";
  }
};

const label = (text: string) => ({ text: text.padEnd("Last seen".length), colour: "gray" as const });

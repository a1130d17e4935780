import type { Application } from "@edvoyage/server";
import { Option } from "commander";
import { choice, type Parameter } from "../command.ts";
import type { Cell, Colour } from "../outcome.ts";

type Status = Application["status"];

/** Every status, in the order in which they usually come; what waits for an admin is yellow. */
const colourByStatus: Readonly<Record<Status, Colour | undefined>> = {
  draft: "gray",
  submitted: "yellow",
  under_review: "yellow",
  interview: "yellow",
  accepted: "green",
  rejected: "red",
  waitlisted: undefined,
  deferred: undefined,
  withdrawn: "gray",
};
const isStatus = (raw: unknown): raw is Status =>
  typeof raw === "string" && Object.hasOwn(colourByStatus, raw);
const statuses = Object.keys(colourByStatus).filter(isStatus);

/** Where an application stands, in a table. */
export const statusToCell = (status: Status): Cell => ({ text: status, colour: colourByStatus[status] });

/** An option that is one of the statuses. */
export const statusOption = (flags: string, summary: string): Parameter<Status | undefined> => ({
  declaration: new Option(flags, summary).choices(statuses),
  read: (raw) => (isStatus(raw) ? raw : undefined),
});

/** A status as a word that must be there. */
export const statusArgument = (name: string, summary: string): Parameter<Status> =>
  choice(name, { summary, of: statuses });

import type { SentApplication } from "@edvoyage/server";
import { Option } from "commander";
import { choice, type Parameter } from "../parameter.ts";
import type { Cell, Colour } from "../outcome.ts";

type Status = SentApplication["status"];

/** The colours of all statuses, in their usual order. A status that waits for an admin is yellow. */
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

/** Returns a status as a table cell. */
export const statusToCell = (status: Status): Cell => ({ text: status, colour: colourByStatus[status] });

/** Declares an option whose value is a status. */
export const statusOption = (flags: string, summary: string): Parameter<Status | undefined> => ({
  declaration: new Option(flags, summary).choices(statuses),
  read: (raw) => (isStatus(raw) ? raw : undefined),
});

/** Declares a required argument whose value is a status. */
export const statusArgument = (name: string, summary: string): Parameter<Status> =>
  choice(name, { summary, of: statuses });

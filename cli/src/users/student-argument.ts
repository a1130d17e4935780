import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { InspectedUser } from "@edvoyage/server";
import { argument } from "../parameter.ts";
import type { Cell } from "../outcome.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Names a student by id or by phone number. */
export const studentArgument = argument("student", "The student's id, or their number in international form");

/** Finds a student. Throws `not-found`. */
export const findUser = (
  client: RpcClient,
  named: string,
  { showPhones }: { readonly showPhones: boolean },
): Promise<InspectedUser> =>
  client.admin.users.show.query(
    UUID.test(named) ? { userId: named.toLowerCase(), showPhones } : { phone: named, showPhones },
  );

/** Returns a student's number and name. */
export const describeUser = ({ phone, name }: Pick<InspectedUser, "phone" | "name">): string =>
  name === null ? phone : `${phone} (${name})`;

/** The state of an account, as a table cell. */
export const stateToCell: Readonly<Record<InspectedUser["state"], Cell>> = {
  active: { text: "active", colour: "green" },
  deleted: { text: "deleted", colour: "yellow" },
  erasing: { text: "being erased", colour: "red" },
};

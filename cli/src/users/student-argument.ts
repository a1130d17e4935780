import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { InspectedUser } from "@edvoyage/server";
import { argument } from "../command.ts";
import type { Cell } from "../outcome.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A student, however she is named. */
export const studentArgument = argument("student", "Her id, or her number in international form");

/** Finds her. Throws `not-found`. */
export const findUser = (
  client: RpcClient,
  named: string,
  { showPhones }: { readonly showPhones: boolean },
): Promise<InspectedUser> =>
  client.admin.users.show.query(
    UUID.test(named) ? { userId: named.toLowerCase(), showPhones } : { phone: named, showPhones },
  );

/** Her number and what she calls herself. */
export const describeUser = ({ phone, name }: Pick<InspectedUser, "phone" | "name">): string =>
  name === null ? phone : `${phone} (${name})`;

/** What has become of her account. */
export const stateToCell: Readonly<Record<InspectedUser["state"], Cell>> = {
  active: { text: "active", colour: "green" },
  deleted: { text: "deleted", colour: "yellow" },
  erasing: { text: "being erased", colour: "red" },
};

import type { ChallengeId, CommandId, Platform, SessionId } from "@edvoyage/protocol";

/** SHA-256 of a `deviceId`, base64url: a copied database does not make anyone a known device. */
export type DeviceKey = string;

/** Requests for a code; the code itself is derived and never stored. Read by `auth`. */
export interface ChallengesTable {
  id: ChallengeId;
  phone: string;
  device_key: DeviceKey;
  purpose: "sign-in";
  code_length: number;
  /** What the device said of itself; its session will carry it. */
  device_name: string | null;
  platform: Platform;
  app_version: string | null;
  created_at: number;
  expires_at: number;
  /** When the right code was given; a challenge works once. */
  used_at: number | null;
  /** The command that used it: its repetition within a minute gets the same answer. */
  used_by_command_id: CommandId | null;
  session_id: SessionId | null;
  /** 0 or 1. */
  is_new_user: number | null;
  /** 0 or 1: whether its student had asked to be erased; `null` while it is unused. */
  undid_deletion: number | null;
}

/** What a phone and a device have been to each other. Read by `numbers`. */
export interface PhoneDevicesTable {
  phone: string;
  device_key: DeviceKey;
  /** Last sign-in of this device with this phone; emptied when its session is revoked. */
  signed_in_at: number | null;
  blocked_until: number | null;
}

/** Wrong codes of the last 30 days. Read by `numbers`. */
export interface WrongCodesTable {
  id: string;
  phone: string;
  device_key: DeviceKey;
  at: number;
  code_length: number;
  /** 0 or 1: whether the device was known to the phone when it gave the code. */
  known: number;
  /** 0 or 1: whether it still counts towards a block; a block, a sign-in or an admin settles it. */
  counts_to_block: number;
}

/** Messages of the last 30 days, written before the provider is called. Read by `numbers`. */
export interface SendsTable {
  id: string;
  phone: string;
  device_key: DeviceKey;
  challenge_id: ChallengeId;
  /** An IPv4 address, or an IPv6 /64. */
  ip: string;
  at: number;
  /** 0 or 1: whether the device was known to the phone. */
  known: number;
  /** 0 or 1: whether the hourly cap was reached, so that it was sent from the reserve for known devices. */
  from_reserve: number;
  /** `counted` until it ended in a sign-in, the provider refused it or an admin forgave it; an IP's allowance counts all. */
  state: "counted" | "signed-in" | "refused" | "forgiven";
}

/** Messages by minute, for the hourly cap. Read by `numbers`. */
export interface SendMinutesTable {
  /** Epoch milliseconds, at the start of a minute. */
  minute: number;
  count: number;
}

import type { ChallengeId, CommandId, Platform, SessionId } from "@edvoyage/protocol";

/** SHA-256 of a `deviceId`, base64url. A hash, so that nobody can pose as a known device with a copy of the database. */
export type DeviceKey = string;

/** Requests for a sign-in code. The code itself is derived and never stored. Read by `auth`. */
export interface ChallengesTable {
  id: ChallengeId;
  phone: string;
  device_key: DeviceKey;
  purpose: "sign-in";
  code_length: number;
  /** The name that the device gave itself; its session gets it. */
  device_name: string | null;
  platform: Platform;
  app_version: string | null;
  /** 0 or 1: whether the device keeps nothing; its session gets it, and the device does not become known to the phone. */
  ephemeral: number;
  created_at: number;
  expires_at: number;
  /** When the correct code was entered; a challenge works only once. */
  used_at: number | null;
  /** The command that used the challenge. Its repetition within a minute gets the same answer. */
  used_by_command_id: CommandId | null;
  session_id: SessionId | null;
  /** 0 or 1. */
  is_new_user: number | null;
  /** 0 or 1: whether the sign-in cancelled the deletion of the account; `null` while the challenge is unused. */
  undid_deletion: number | null;
}

/** The history of a phone and a device with each other. Read by `numbers`. */
export interface PhoneDevicesTable {
  phone: string;
  device_key: DeviceKey;
  /** The last sign-in of the device with the phone; `null` after its session was revoked. */
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
  /** 0 or 1: whether the device was known to the phone when the code was entered. */
  known: number;
  /** 0 or 1: whether it still counts towards a block. A block, a sign-in or an admin resets it. */
  counts_to_block: number;
}

/** SMS of the last 30 days, written before the provider is called. Read by `numbers`. */
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
  /** 0 or 1: whether it was sent from the reserve for known devices, because the hourly cap was reached. */
  from_reserve: number;
  /** `counted` until a sign-in, a refusal by the provider or an admin changes it. The limit of an IP counts every state. */
  state: "counted" | "signed-in" | "refused" | "forgiven";
}

/** The number of SMS by minute, for the hourly cap. Read by `numbers`. */
export interface SendMinutesTable {
  /** The start of the minute, epoch milliseconds. */
  minute: number;
  count: number;
}

import { randomBytes } from "node:crypto";
import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { Challenge, SignIn } from "@edvoyage/server";
import type { SmsMessage } from "@edvoyage/server/app";
import { somePhone } from "./phone.ts";

export interface DeviceOptions {
  readonly phone?: string;
  readonly deviceId?: string;
  readonly name?: string;
  readonly ip?: string;
  /** Whether it tells the server that it keeps nothing. Default: false. */
  readonly isEphemeral?: boolean;
}

/** A phone that receives the SMS for its number. */
export interface Device {
  readonly phone: string;
  readonly deviceId: string;
  readonly rpc: RpcClient;
  /** Requests a code and remembers the challenge. */
  requestCode(): Promise<Challenge>;
  /** Returns the code of the last SMS to this number. */
  code(): string;
  /** Returns a wrong code of the right length. */
  wrongCode(): string;
  /** Answers the last challenge. Default: with the right code. */
  verify(answer?: {
    readonly code?: string;
    readonly commandId?: string;
    readonly challengeId?: string;
  }): Promise<SignIn>;
  /** Requests a code, reads it and verifies it. */
  signIn(): Promise<SignIn & { readonly rpc: RpcClient }>;
}

interface DeviceEnvironment {
  readonly rpc: (options: { readonly token?: string; readonly ip?: string | undefined }) => RpcClient;
  readonly sms: readonly SmsMessage[];
}

export const createDevice = ({ rpc, sms }: DeviceEnvironment, options: DeviceOptions = {}): Device => {
  const {
    phone = somePhone(),
    deviceId = randomBytes(16).toString("base64url"),
    name,
    ip,
    isEphemeral,
  } = options;
  const anonymous = rpc({ ip });
  let challenge: Challenge | undefined;

  const code = (): string => {
    const message = sms.findLast(({ to }) => to === phone);
    if (!message) throw new Error(`No message was sent to ${phone}`);
    return message.code;
  };
  const device: Device = {
    phone,
    deviceId,
    rpc: anonymous,
    requestCode: async () =>
      (challenge = await anonymous.auth.requestCode.mutate({
        phone,
        deviceId,
        ...(name ? { deviceName: name } : {}),
        ...(isEphemeral ? { ephemeral: true as const } : {}),
      })),
    code,
    wrongCode: () => {
      const right = code();
      return `${right.startsWith("1") ? "2" : "1"}${right.slice(1)}`;
    },
    verify: ({ code: given = code(), challengeId = challenge?.challengeId, commandId } = {}) => {
      if (!challengeId) throw new Error("No code was requested");
      return anonymous.auth.verifyCode.mutate({
        challengeId,
        code: given,
        deviceId,
        ...(commandId ? { commandId } : {}),
      });
    },
    signIn: async () => {
      await device.requestCode();
      const signIn = await device.verify();
      return { ...signIn, rpc: rpc({ token: signIn.token, ip }) };
    },
  };
  return device;
};

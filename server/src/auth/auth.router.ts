import {
  CODE_PATTERN,
  CODE_SEPARATORS,
  DEVICE_ID_PATTERN,
  PLATFORMS,
  type ChallengeId,
} from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { parsePhone } from "../numbers/phone.ts";
import { publicProcedure, router } from "../http/trpc.ts";
import type { Auth } from "./auth.ts";

const deviceId = z.string().regex(DEVICE_ID_PATTERN, "22 to 64 characters of A-Z a-z 0-9 - _");
/** A text by which a device describes itself. Admins see it, so it is one line without control characters. */
const label = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(/^[^\p{Cc}\p{Cf}\u2028\u2029]*$/u, "No control characters")
    .transform((text) => text.trim() || null)
    .nullish()
    .transform((text) => text ?? null);

export const createAuthRouter = (deps: {
  readonly auth: Auth;
  readonly countries: ReadonlySet<string> | undefined;
}) =>
  router({
    requestCode: publicProcedure
      .meta({
        reasons: ["otp/blocked", "otp/throttled", "phone/invalid", "phone/country-not-served", "sms/failed"],
      })
      .input(
        z.object({
          phone: z.string().max(256),
          deviceId,
          deviceName: label(100),
          platform: z.enum(PLATFORMS).default("other"),
          appVersion: label(40),
          ephemeral: z.literal(true).optional(),
        }),
      )
      .mutation(({ input: { ephemeral = false, phone, ...input }, ctx }) =>
        deps.auth.requestCode({
          ...input,
          phone: parsePhone(phone, deps.countries),
          isEphemeral: ephemeral,
          ip: ctx.ip,
        }),
      ),

    verifyCode: publicProcedure
      .meta({ reasons: ["otp/incorrect", "otp/blocked", "otp/expired", "otp/throttled"] })
      .input(
        z.object({
          challengeId: idInput<ChallengeId>(),
          code: z
            .string()
            .transform((code) => code.replaceAll(CODE_SEPARATORS, ""))
            .pipe(z.string().regex(CODE_PATTERN, "6 to 8 digits")),
          deviceId,
          commandId: commandIdInput(),
        }),
      )
      .mutation(({ input, ctx }) => deps.auth.verifyCode({ ...input, ip: ctx.ip })),
  });

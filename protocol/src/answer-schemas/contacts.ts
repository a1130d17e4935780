import { z } from "zod";
import type { SentContact } from "../contacts.ts";
import type { ContactId, UserId } from "../ids.ts";
import { answerOf } from "./answer.ts";
import { idAnswer, instant, phone } from "./values.ts";

export const contact = answerOf<SentContact>()(
  z
    .strictObject({
      id: idAnswer<ContactId>().describe("It stays when the owner of the number becomes known."),
      userId: idAnswer<UserId>()
        .nullable()
        .describe(
          "The contact's account; `null` for a number whose owner is unknown, whether or not it has one.",
        ),
      phone: phone.nullable().describe("`null` for a contact that was not added by number."),
      name: z.string().nullable().describe("The name in the contact's own profile."),
      nickname: z.string().nullable().describe("The owner's name for the contact."),
      favourite: z.boolean(),
      blocked: z.boolean(),
      createdAt: instant,
      updatedAt: instant,
    })
    .meta({ id: "Contact", description: "An entry in a student's contacts." }),
);

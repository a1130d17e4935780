import { expect, onTestFinished, test, vi } from "vitest";
import { SmsRefusedError, type SmsMessage } from "./sms.ts";
import { createTwilioSms } from "./twilio.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const MESSAGE: SmsMessage = { to: "+919876543210", text: "text", code: "482915", id: "id", at: 1 };

/** Sends one message from `from` to a Twilio that gives this answer. */
const sendOnce = async ({ status = 201, json = { sid: `SM${HEX}` } as object, from = "+15005550006" }) => {
  const requests: { readonly url: unknown; readonly form: unknown }[] = [];
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    requests.push({ url: input, form: init?.body });
    return new Response(JSON.stringify(json), { status });
  });
  onTestFinished(() => fetched.mockRestore());
  const provider = createTwilioSms({ accountSid: `AC${HEX}`, authToken: "token", from });
  const error = await provider.send(MESSAGE).catch((reason: unknown) => reason);
  return { provider, requests, error };
};

test("calls Twilio's own API by default", async () => {
  const { provider, requests, error } = await sendOnce({});

  expect(error).toBeUndefined();
  expect(provider.name).toBe("twilio");
  expect(requests[0]?.url).toBe(`https://api.twilio.com/2010-04-01/Accounts/AC${HEX}/Messages.json`);
});

test.each([
  ["a messaging service", `MG${HEX}`, "MessagingServiceSid"],
  ["a longer text that ends like one", `xMG${HEX}`, "From"],
  ["a longer text that begins like one", `MG${HEX}0`, "From"],
])("sends from %s", async (_what, from, field) => {
  const { requests } = await sendOnce({ from });

  const { form } = requests[0] ?? expect.fail("nothing was sent");
  expect(form instanceof URLSearchParams && form.get(field)).toBe(from);
});

test.each([
  ["200 with a message's SID", 200, `SM${HEX}`],
  ["299 with a message's SID", 299, `mm${HEX}`],
])("accepts %s", async (_what, status, sid) => {
  expect((await sendOnce({ status, json: { sid } })).error).toBeUndefined();
});

test.each([
  ["201 with a longer id that ends like a SID", 201, { sid: `xSM${HEX}` }],
  ["201 with a longer id that begins like a SID", 201, { sid: `SM${HEX}0` }],
  ["300 with a message's SID", 300, { sid: `SM${HEX}` }],
  ["300 with an error code", 300, { code: 21_211 }],
])("does not know the outcome of %s", async (_what, status, json) => {
  const { error } = await sendOnce({ status, json });

  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(SmsRefusedError);
});

test("keeps the cause of a request that never reached Twilio", async () => {
  const cause = new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } });
  const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValue(cause);
  onTestFinished(() => fetched.mockRestore());
  const provider = createTwilioSms({ accountSid: `AC${HEX}`, authToken: "token", from: "+15005550006" });

  const error = await provider.send(MESSAGE).catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(SmsRefusedError);
  expect(error).toMatchObject({ cause });
});

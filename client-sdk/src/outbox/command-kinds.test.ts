import { expect, test } from "vitest";
import { isObsolete } from "./command-kinds.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

const entry = (
  state: "failed" | "pending",
  procedure: string,
  input: object,
  id = `${state} ${procedure}`,
): OutboxEntry => ({ id, procedure, input, state, lane: "", createdAt: 0 }) as unknown as OutboxEntry;

const failed = (procedure: string, input: object, id?: string) => entry("failed", procedure, input, id);
const done = (procedure: string, input: object) => entry("pending", procedure, input);

test.each([
  [
    "submitting again",
    failed("applications.submit", { applicationId: "a" }),
    done("applications.submit", { applicationId: "a" }),
  ],
  [
    "the same field of the profile",
    failed("profile.update", { name: "A" }),
    done("profile.update", { name: "B", bio: "x" }),
  ],
  [
    "the same field of a draft",
    failed("applications.update", { applicationId: "a", changes: { notes: "1" }, base: { notes: null } }),
    done("applications.update", { applicationId: "a", changes: { notes: "2" }, base: {} }),
  ],
  [
    "the same nested preference",
    failed("notifications.setPreferences", { kinds: { chat: { push: true } } }),
    done("notifications.setPreferences", { kinds: { chat: { push: false } } }),
  ],
  [
    "another edit of the message",
    failed("chat.edit", { roomId: "r", messageId: "m", text: "1" }),
    done("chat.edit", { roomId: "r", messageId: "m", text: "2" }),
  ],
  [
    "adding the contact again",
    failed("contacts.add", { userId: "u" }),
    done("contacts.add", { userId: "u", nickname: "U" }),
  ],
  [
    "removing the message that an edit was for",
    failed("chat.edit", { roomId: "r", messageId: "m", text: "1" }),
    done("chat.remove", { roomId: "r", messageId: "m" }),
  ],
  [
    "removing the contact that a change was for",
    failed("contacts.update", { userId: "u", blocked: true }),
    done("contacts.remove", { userId: "u" }),
  ],
])("a failure is obsolete after %s", (_name, failure, success) => {
  expect(isObsolete(failure, success)).toBe(true);
});

test.each([
  [
    "another field of the profile",
    failed("profile.update", { name: "A" }),
    done("profile.update", { bio: "x" }),
  ],
  [
    "another application",
    failed("applications.submit", { applicationId: "a" }),
    done("applications.submit", { applicationId: "b" }),
  ],
  ["another post", failed("social.post", { text: "1" }), done("social.post", { text: "1" })],
  [
    "another message",
    failed("chat.send", { roomId: "r", text: "1", replyTo: null }),
    done("chat.send", { roomId: "r", text: "1", replyTo: null }),
  ],
  [
    "a comment on the same post",
    failed("social.comment", { postId: "p", parentId: null, text: "1" }),
    done("social.comment", { postId: "p", parentId: null, text: "1" }),
  ],
  [
    "the removal of another message",
    failed("chat.edit", { roomId: "r", messageId: "m", text: "1" }),
    done("chat.remove", { roomId: "r", messageId: "n" }),
  ],
  [
    "another preference",
    failed("notifications.setPreferences", { kinds: { chat: { push: true } } }),
    done("notifications.setPreferences", { previews: true }),
  ],
  [
    "a preference of another kind of notification",
    failed("notifications.setPreferences", { kinds: { chat: { push: true } } }),
    done("notifications.setPreferences", { kinds: { social: { push: false } } }),
  ],
  [
    "another preference of the same kind of notification",
    failed("notifications.setPreferences", { kinds: { chat: { push: true } } }),
    done("notifications.setPreferences", { kinds: { chat: { inApp: false } } }),
  ],
  [
    "another kind of change of the same contact",
    failed("contacts.update", { userId: "u", nickname: "U" }),
    done("contacts.update", { userId: "u", blocked: true }),
  ],
  [
    "the removal of the message that it replied to",
    failed("chat.send", { roomId: "r", text: "1", replyTo: "m" }),
    done("chat.remove", { roomId: "r", messageId: "m" }),
  ],
  [
    "the removal of the post that it commented on",
    failed("social.comment", { postId: "p", parentId: null, text: "1" }),
    done("social.removePost", { postId: "p" }),
  ],
])("a failure stays after %s", (_name, failure, success) => {
  expect(isObsolete(failure, success)).toBe(false);
});

test("a command that is pending is never obsolete", () => {
  const earlier = entry("pending", "profile.update", { name: "A" }, "earlier");

  expect(isObsolete(earlier, done("profile.update", { name: "B" }))).toBe(false);
});

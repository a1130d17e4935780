import type { UserId } from "@edvoyage/protocol";
import type { Awareness } from "y-protocols/awareness";
import type { Clock } from "../runtime/clock.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";

/** The users who type in a room right now. Nothing of it is stored. */
export interface Typing {
  /** The other users who type now, without the student's own devices. */
  readonly userIds: Observable<readonly UserId[]>;
  /** Tells the others whether the student types. Ends by itself after `TYPING_MS` without another call. */
  say(isTyping: boolean): void;
  /** Switches to another socket, or to none. */
  attach(awareness: Awareness | undefined): void;
}

/** How long a user is shown as typing after the last sign of it. */
const TYPING_MS = 5_000;
const NOBODY: readonly UserId[] = [];

/** Creates the typing state of one room, attached to no socket. */
export const createTyping = ({
  userId,
  clock,
}: {
  readonly userId: UserId;
  readonly clock: Clock;
}): Typing => {
  const userIds = createSubject(NOBODY);
  let awareness: Awareness | undefined;
  let stopTyping: (() => void) | undefined;

  const publish = (): void => {
    const others = new Set([...(awareness?.getStates().values() ?? [])].flatMap(typingUserOf));
    others.delete(userId);
    const next = [...others].sort();
    if (next.join() !== userIds.value.join()) userIds.set(next.length > 0 ? next : NOBODY);
  };
  // A user who does not type sends no state: otherwise opening a room of 256 would notify 255 others.
  const sendState = (): void => {
    if (stopTyping || awareness?.getLocalState())
      awareness?.setLocalState(stopTyping ? { typing: true } : null);
  };

  return {
    userIds,
    say: (isTyping) => {
      const wasTyping = stopTyping !== undefined;
      stopTyping?.();
      stopTyping = isTyping
        ? clock.after(TYPING_MS, () => {
            stopTyping = undefined;
            sendState();
          })
        : undefined;
      if (wasTyping !== isTyping) sendState();
    },
    attach: (next) => {
      awareness?.off("change", publish);
      awareness = next;
      awareness?.on("change", publish);
      sendState();
      publish();
    },
  };
};

/** Returns the id of a typing user. The server has set it, so it is trustworthy. */
const typingUserOf = (state: { readonly [key: string]: unknown }): UserId[] => {
  const { typing, user } = state;
  if (typing !== true || typeof user !== "object" || user === null || !("id" in user)) return [];
  return typeof user.id === "string" ? [user.id as UserId] : [];
};

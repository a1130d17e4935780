import type { UserId } from "@edvoyage/protocol";
import type { Awareness } from "y-protocols/awareness";
import type { Clock } from "../runtime/clock.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";

/** Who types in a room: of the moment, kept by nobody. */
export interface Typing {
  /** Others who type now; the student's own devices are not among them. */
  readonly userIds: Observable<readonly UserId[]>;
  /** Tells the others; it is over by itself when it was not said again for `TYPING_MS`. */
  say(isTyping: boolean): void;
  /** Goes on over another socket, or over none. */
  attach(awareness: Awareness | undefined): void;
}

/** How long somebody who has stopped is shown as typing. */
const TYPING_MS = 5_000;
const NOBODY: readonly UserId[] = [];

export const createTyping = ({
  userId,
  clock,
}: {
  readonly userId: UserId;
  readonly clock: Clock;
}): Typing => {
  const userIds = createSubject(NOBODY);
  let awareness: Awareness | undefined;
  let stop: (() => void) | undefined;

  const show = (): void => {
    const others = new Set([...(awareness?.getStates().values() ?? [])].flatMap(typingUserOf));
    others.delete(userId);
    const next = [...others].sort();
    if (next.join() !== userIds.value.join()) userIds.set(next.length > 0 ? next : NOBODY);
  };
  // Who does not type says nothing at all: a room of 256 that is opened is no news to 255.
  const tell = (): void => {
    if (stop || awareness?.getLocalState()) awareness?.setLocalState(stop ? { typing: true } : null);
  };

  return {
    userIds,
    say: (isTyping) => {
      const was = stop !== undefined;
      stop?.();
      stop = isTyping
        ? clock.after(TYPING_MS, () => {
            stop = undefined;
            tell();
          })
        : undefined;
      if (was !== isTyping) tell();
    },
    attach: (next) => {
      awareness?.off("change", show);
      awareness = next;
      awareness?.on("change", show);
      tell();
      show();
    },
  };
};

/** The server wrote the id. */
const typingUserOf = (state: { readonly [key: string]: unknown }): UserId[] => {
  const { typing, user } = state;
  if (typing !== true || typeof user !== "object" || user === null || !("id" in user)) return [];
  return typeof user.id === "string" ? [user.id as UserId] : [];
};

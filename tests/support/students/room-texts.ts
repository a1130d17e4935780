import type { Student } from "./student.ts";

/** Returns all texts of a room, oldest first, as one of its members reads them. */
export const textsAt = async ({ rpc }: Pick<Student, "rpc">, roomId: string): Promise<string[]> => {
  const texts: string[] = [];
  let before: { segment: number; index: number } | null = null;
  do {
    const page: Awaited<ReturnType<typeof rpc.chat.history.query>> = await rpc.chat.history.query({
      roomId,
      before,
      limit: 100,
    });
    texts.unshift(...page.items.flatMap(({ text }) => (text === null ? [] : [text])).reverse());
    before = page.nextCursor;
  } while (before);
  return texts;
};

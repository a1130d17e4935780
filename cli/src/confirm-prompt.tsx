import { ConfirmInput } from "@inkjs/ui";
import { render, Text } from "ink";
import { toPrintable, wrap } from "./printable.ts";

/** What is asked for, and the space before it. */
const ANSWER_WIDTH = " y/N".length;

/** What came of a question; Ctrl-C is no answer. */
export type Answer = "yes" | "no" | "interrupted";

/** Asks on standard error, in so many columns, and waits for y or n; Enter alone is a no. */
export const askForConfirmation = async (question: string, columns: number): Promise<Answer> => {
  let answer: Answer = "interrupted";
  const finish = (given: Answer): void => {
    answer = given;
    prompt.unmount();
  };
  const prompt = render(
    <Text>
      <Text color="yellow">{wrap(toPrintable(question), columns - ANSWER_WIDTH).join("\n")}</Text>{" "}
      <ConfirmInput defaultChoice="cancel" onConfirm={() => finish("yes")} onCancel={() => finish("no")} />
    </Text>,
    { stdout: process.stderr, patchConsole: false },
  );
  await prompt.waitUntilExit();
  return answer;
};

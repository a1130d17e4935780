import { ConfirmInput } from "@inkjs/ui";
import { render, Text } from "ink";
import { toPrintable, wrap } from "./printable.ts";

/** The width of the answer and the space before it. */
const ANSWER_WIDTH = " y/N".length;

/** The answer to a question. Ctrl-C is "interrupted". */
export type Answer = "yes" | "no" | "interrupted";

/** Asks on standard error, in this many columns, and waits for y or n. Enter alone means no. */
export const askForConfirmation = async (question: string, columns: number): Promise<Answer> => {
  let answer: Answer = "interrupted";
  const finish = (newAnswer: Answer): void => {
    answer = newAnswer;
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

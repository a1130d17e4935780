import { ConfirmInput } from "@inkjs/ui";
import { Box, render, Text } from "ink";

/** What came of a question; Ctrl-C is no answer. */
export type Answer = "yes" | "no" | "interrupted";

/** Asks on standard error and waits for y or n; Enter alone is a no. */
export const askForConfirmation = async (question: string): Promise<Answer> => {
  let answer: Answer = "interrupted";
  const finish = (given: Answer): void => {
    answer = given;
    prompt.unmount();
  };
  const prompt = render(
    <Box gap={1}>
      <Text color="yellow">{question}</Text>
      <ConfirmInput defaultChoice="cancel" onConfirm={() => finish("yes")} onCancel={() => finish("no")} />
    </Box>,
    { stdout: process.stderr, patchConsole: false },
  );
  await prompt.waitUntilExit();
  return answer;
};

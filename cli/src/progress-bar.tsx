import { ProgressBar } from "@inkjs/ui";
import { Box, render, Text } from "ink";

/** Shows the progress of long work. */
export interface Progress {
  report(done: number): void;
  stop(): void;
}

/** Draws a bar on standard error until it is stopped. The last state stays visible. */
export const startProgressBar = ({
  label,
  total,
}: {
  readonly label: string;
  readonly total: number;
}): Progress => {
  const draw = (done: number) => (
    <Box gap={1}>
      <Text>{label}</Text>
      <ProgressBar value={(done / total) * 100} />
      <Text>
        {done.toLocaleString("en")} of {total.toLocaleString("en")}
      </Text>
    </Box>
  );
  const bar = render(draw(0), { stdout: process.stderr, exitOnCtrlC: false, patchConsole: false });
  return {
    report: (done) => bar.rerender(draw(done)),
    stop: () => bar.unmount(),
  };
};

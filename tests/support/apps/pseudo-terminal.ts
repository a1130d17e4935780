import { fileURLToPath } from "node:url";
import { spawn } from "@lydell/node-pty";
import headless from "@xterm/headless";
import { onTestFinished } from "vitest";

const BIN = fileURLToPath(new URL("../../../cli/bin/edvoyage.js", import.meta.url));
const ROWS = 40;
/** A watchdog, much longer than a start of the program takes. */
const PATIENCE_MS = 90_000;
const LOOK_EVERY_MS = 10;

/** The terminal program on a real pseudo-terminal, with a terminal emulator at the other end. */
export interface PseudoTerminal {
  /** Returns the text on the screen, without trailing spaces and empty lines. */
  screen(): string;
  /** Waits until the screen shows this. */
  shows(pattern: RegExp): Promise<void>;
  /** Whether the terminal shows its cursor. */
  isCursorShown(): boolean;
  /** Types keys, as a keyboard does. */
  type(keys: string): void;
  resize(columns: number): void;
  /** Resolves with the exit code when the program has ended; 128 and the signal if one ended it, as in a shell. */
  readonly ended: Promise<number>;
}

/** Ctrl-C as a keyboard sends it. */
export const CTRL_C = "\u0003";

/** Runs the CLI on a pseudo-terminal of its own. It is killed when the test ends. */
export const openPseudoTerminal = (
  words: readonly string[],
  {
    environment,
    columns = 100,
  }: { readonly environment: Readonly<Record<string, string>>; readonly columns?: number },
): PseudoTerminal => {
  const emulator = new headless.Terminal({ cols: columns, rows: ROWS, allowProposedApi: true });
  const pty = spawn(process.execPath, [BIN, ...words], {
    name: "xterm-256color",
    cols: columns,
    rows: ROWS,
    env: { PATH: process.env["PATH"], TERM: "xterm-256color", ...environment },
  });
  let isCursorShown = true;
  for (const [final, isShown] of [
    ["h", true],
    ["l", false],
  ] as const) {
    emulator.parser.registerCsiHandler({ prefix: "?", final }, (modes) => {
      if (modes.includes(CURSOR_MODE)) isCursorShown = isShown;
      return false;
    });
  }
  /** Settles when the emulator has drawn everything that it was given. */
  let drawn: Promise<void> = Promise.resolve();
  pty.onData((text) => {
    drawn = new Promise((resolve) => emulator.write(text, resolve));
  });
  // The emulator answers questions about the terminal.
  emulator.onData((answer) => pty.write(answer));
  let isEnded = false;
  onTestFinished(async () => {
    if (!isEnded) pty.kill("SIGKILL");
    // Until then it may still draw.
    await ended;
    emulator.dispose();
  });

  const screen = (): string => {
    const { active } = emulator.buffer;
    const lines = Array.from({ length: active.length }, (_, row) =>
      active.getLine(row)?.translateToString(true),
    );
    return lines.join("\n").trimEnd();
  };
  const ended = new Promise<number>((resolve) => {
    pty.onExit(async ({ exitCode, signal }) => {
      isEnded = true;
      await drawn;
      resolve(signal ? 128 + signal : exitCode);
    });
  });
  return {
    screen,
    shows: async (pattern) => {
      const giveUpAt = Date.now() + PATIENCE_MS;
      while (!pattern.test(screen())) {
        if (Date.now() > giveUpAt)
          throw new Error(`The screen does not show ${pattern.toString()}:\n${screen()}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    isCursorShown: () => isCursorShown,
    type: (keys) => pty.write(keys),
    resize: (next) => {
      emulator.resize(next, ROWS);
      pty.resize(next, ROWS);
    },
    ended,
  };
};

/** The private mode of "cursor shown" (DECTCEM). */
const CURSOR_MODE = 25;

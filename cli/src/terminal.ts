/** Returns whether standard output is a terminal that supports more than plain text. */
export const hasDrawing = (): boolean => process.stdout.isTTY && process.env["TERM"] !== "dumb";

/** Returns the width of the terminal in columns. Default: 80. */
export const terminalWidth = (): number => process.stdout.columns || 80;

/** Loads the module that draws with Ink. Loaded on demand, because that takes longer than most commands. */
export const loadDrawing = async () => {
  prepareInk();
  return import("./draw.tsx");
};

/** Loads the progress bar, on demand as well. */
export const loadProgressBar = async () => {
  prepareInk();
  return import("./progress-bar.tsx");
};

/** Loads the confirmation prompt, on demand as well. */
export const loadConfirmPrompt = async () => {
  prepareInk();
  return import("./confirm-prompt.tsx");
};

const prepareInk = (): void => {
  // Selects the fast build of React.
  process.env["NODE_ENV"] ??= "production";
  // Ink does not support https://no-color.org.
  if (process.env["NO_COLOR"]) process.env["FORCE_COLOR"] = "0";
};

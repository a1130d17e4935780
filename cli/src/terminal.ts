/** Whether somebody looks: standard output is a terminal that can do more than print. */
export const hasDrawing = (): boolean => process.stdout.isTTY && process.env["TERM"] !== "dumb";

/** In columns. */
export const terminalWidth = (): number => process.stdout.columns || 80;

/** What draws with Ink: loaded when somebody looks, as it takes longer than most commands. */
export const loadDrawing = async () => {
  prepareInk();
  return import("./draw.tsx");
};

/** What draws a progress bar; loaded likewise. */
export const loadProgressBar = async () => {
  prepareInk();
  return import("./progress-bar.tsx");
};

/** What asks a question; loaded likewise. */
export const loadConfirmPrompt = async () => {
  prepareInk();
  return import("./confirm-prompt.tsx");
};

const prepareInk = (): void => {
  // The quick build of React.
  process.env["NODE_ENV"] ??= "production";
  // Ink's colours know nothing of https://no-color.org.
  if (process.env["NO_COLOR"]) process.env["FORCE_COLOR"] = "0";
};

import { readFileSync } from "node:fs";

/** A step of a page that a reader can repeat. */
export type PageStep =
  /** A command for a shell, and what it prints; `undefined` if the page does not show it. */
  | { readonly kind: "command"; readonly command: string; readonly prints: string | undefined }
  /** A text that the terminal of the server shows. */
  | { readonly kind: "server-prints"; readonly prints: string };

const BLOCK = /^```(\w*)\n([^]*?)^```$/gm;

/**
 * Returns the steps of a page, in their order. `sh` blocks are commands, and a block without a language directly after
 * one is its output. A block that begins with `$` is a transcript of commands. Any other block without a language, and
 * inline code that begins with `SMS to`, is what the server prints. Blocks of other languages are no steps.
 */
export const stepsOf = (page: string): readonly PageStep[] => {
  const text = readFileSync(new URL(`../../../${page}`, import.meta.url), "utf8");
  const steps: PageStep[] = [];
  let end = 0;
  for (const { index, 0: block, 1: language = "", 2: content = "" } of text.matchAll(BLOCK)) {
    const prose = text.slice(end, index);
    end = index + block.length;
    steps.push(...[...prose.matchAll(/`(SMS to [^`]*)`/g)].map(([, prints = ""]) => serverPrints(prints)));
    const last = steps.at(-1);
    if (language === "sh") steps.push({ kind: "command", command: content, prints: undefined });
    else if (language !== "") continue;
    else if (content.startsWith("$ ")) steps.push(...transcriptToSteps(content));
    else if (prose.trim() === "" && last?.kind === "command")
      steps.splice(-1, 1, { ...last, prints: content });
    else steps.push(serverPrints(content));
  }
  return steps;
};

const serverPrints = (prints: string): PageStep => ({ kind: "server-prints", prints });

const transcriptToSteps = (transcript: string): readonly PageStep[] =>
  transcript
    .split(/^\$ /m)
    .filter(Boolean)
    .map((entry) => {
      const [command = "", ...printed] = entry.split("\n");
      const prints = printed.join("\n").trim();
      return { kind: "command", command, prints: prints === "" ? undefined : prints };
    });

import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { gap, line } from "../outcome.ts";
import { findingToLines, type Finding } from "./finding.ts";
import { checkDataFolder, judgeNode } from "./machine.ts";
import { checkServer } from "./server.ts";

/** `edvoyage doctor`. */
export const doctor = defineCommand({
  summary: "Check this machine and the server, and say how to fix problems",
  parameters: {},
  examples: ["edvoyage doctor", "edvoyage doctor --url https://api.example.org --json"],
  exits: {
    failed: "A check failed.",
  },
  run: async (context) => {
    const findings = [
      judgeNode(process.versions.node),
      ...checkDataFolder(context.settings.dataDir),
      ...(await checkServer(context)),
    ];
    return {
      data: findings,
      view: [...findings.flatMap(findingToLines), gap, line(summarize(findings))],
      exitCode: countState(findings, "fail") > 0 ? EXIT.failed : EXIT.done,
    };
  },
});

const summarize = (findings: readonly Finding[]): string => {
  const failed = countState(findings, "fail");
  const warned = countState(findings, "warn");
  if (failed > 0) return `Failed: ${failed} of ${findings.length} checks.`;
  return warned > 0
    ? `All is well, except for ${warned === 1 ? "one warning" : `${warned} warnings`}.`
    : "All is well.";
};

const countState = (findings: readonly Finding[], state: Finding["state"]): number =>
  findings.filter((finding) => finding.state === state).length;

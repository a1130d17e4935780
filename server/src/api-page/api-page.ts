import { REASON_STATUSES, type Reason } from "@edvoyage/protocol";
import type { Access } from "../http/trpc.ts";
import type { ApiDescription, DescribedProcedure } from "./api-description.ts";
import { reasonMeanings } from "./reasons.ts";
import { schemaToSections, schemaToTable, toTable } from "./schema-table.ts";

/** The line of the page above which people write, and below which everything is generated. */
const MARKER =
  "<!-- Generated: change the procedures or server/src/api-page, then run `npm run docs:api`. The text above is written by hand. -->";

const CALLERS: Readonly<Record<Access, string>> = {
  anyone: "Anyone",
  session: "A signed-in student",
  admin: "The holder of the admin token",
};

const reasonNames = Object.keys(REASON_STATUSES).filter((name): name is Reason => name in REASON_STATUSES);

/**
 * Returns the page of the HTTP API: the hand-written head of the present page, and a reference of every procedure, shape and
 * reason. Throws if the page has no marker.
 */
export const createApiPage = (present: string, { procedures, shapes }: ApiDescription): string => {
  const [head, ...rest] = present.split(MARKER);
  if (head === undefined || rest.length !== 1) throw new Error(`The page needs this line once: ${MARKER}`);
  const features = [...new Set(procedures.map(pathToFeature))];
  const sections = [
    "## Procedures",
    toTable(
      ["feature", "procedures"],
      features.map((feature) => [
        `[${feature}](#${featureToAnchor(feature)})`,
        procedures
          .filter((procedure) => pathToFeature(procedure) === feature)
          .map(({ path }) => `[${path.slice(feature.length + 1)}](#${toAnchor(path)})`)
          .join(" · "),
      ]),
    ),
    ...features.flatMap((feature) => [
      `## The feature ${feature}`,
      ...procedures.filter((procedure) => pathToFeature(procedure) === feature).flatMap(procedureToSections),
    ]),
    "## Shapes",
    "Shapes that several answers share.",
    ...Object.entries(shapes).flatMap(([name, shape]) => [
      // Not the bare name: `account.export` and `AccountExport` have the same anchor.
      `### The shape ${name}`,
      ...(shape.description ? [shape.description] : []),
      ...schemaToSections(shape),
    ]),
    "## Reasons",
    "`error.data.reason` is one of these. The details are the fields of `error.data.details`.",
    ...reasonNames.flatMap(reasonToSections),
  ];
  return `${head}${MARKER}\n\n${sections.join("\n\n")}\n`;
};

const pathToFeature = ({ path }: DescribedProcedure): string => path.split(".", 1)[0] ?? path;

const featureToAnchor = (feature: string): string => `the-feature-${feature}`;

/** Returns the anchor of a heading in GitHub's notation. */
const toAnchor = (heading: string): string => heading.toLowerCase().replaceAll(/[./]/g, "");

const procedureToSections = (procedure: DescribedProcedure): readonly string[] => {
  const { path, type, access, summary, input, answer, reasons } = procedure;
  const callers = `**${CALLERS[access]}** calls it with ${type === "query" ? "GET" : "POST"}.`;
  return [
    `### ${path}`,
    `${summary} ${callers}`,
    ...(input === undefined ? ["*Input*: none."] : inputToSections(input)),
    "*Answer*:",
    ...schemaToSections(answer),
    `*Reasons*: ${[...reasons.own, ...reasons.common].map(reasonToLink).join(", ")}.`,
  ];
};

const inputToSections = ({
  schema,
  isOptional,
}: NonNullable<DescribedProcedure["input"]>): readonly string[] => [
  isOptional ? "*Input* (may be left out):" : "*Input*:",
  ...schemaToSections(schema),
];

const reasonToLink = (reason: Reason): string => `[${reason}](#${toAnchor(reason)})`;

const reasonToSections = (reason: Reason): readonly string[] => {
  const { meaning, details } = reasonMeanings[reason];
  return [
    `### ${reason}`,
    `Status ${REASON_STATUSES[reason]}. ${meaning}`,
    ...(details === undefined ? [] : [schemaToTable({ properties: details, required: requiredOf(reason) })]),
  ];
};

/** Returns the details that a reason always has. Those of `conflict` depend on the procedure. */
const requiredOf = (reason: Reason): readonly string[] =>
  reason === "conflict" ? [] : Object.keys(reasonMeanings[reason].details ?? {});

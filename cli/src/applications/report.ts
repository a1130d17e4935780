import type { ApplicationReport } from "@edvoyage/server";
import { gap, line, prose, table, type Cell, type Column, type OutputLine, type Table } from "../outcome.ts";
import { instantAndDistance, instantToText } from "../time.ts";
import { statusToCell } from "./status.ts";

/** Lays out for people everything that an admin may see of an application. */
export const reportToView = (report: ApplicationReport, now: number): (OutputLine | Table)[] => {
  const { course, student, fee, deadline, submittedAt, moves, documents, history } = report;
  const removal = course.isOffered ? "" : ", no longer in the catalogue";
  return [
    line(`${course.title}, ${course.universityName} (${course.country})${removal}`),
    line(report.status, label("Status")),
    line(`${student.name ?? "no name"}, ${student.phone}`, label("Student")),
    line(student.id, label("User")),
    line(submittedAt === null ? "not yet" : instantAndDistance(submittedAt, now), label("Submitted")),
    line(fee === null ? "not known" : feeToText(fee), label("Fee")),
    line(deadline === null ? "none" : `before ${instantToText(deadline)}`, label("Deadline")),
    ...fieldsToLines(report),
    gap,
    table(documentColumns, documents, { empty: "No documents." }),
    gap,
    table(historyColumns, history, { empty: "" }),
    gap,
    line(
      moves.length > 0 ? moves.join(", ") : "nothing: it is the student's turn, or the application is closed",
      label("Next"),
    ),
  ];
};

const label = (text: string): Cell => ({ text: text.padEnd("Study mode".length), colour: "gray" });

const feeToText = ({ amount, currency }: NonNullable<ApplicationReport["fee"]>): string =>
  amount === 0 ? "none" : `${amount.toLocaleString("en")} ${currency}`;

const fieldsToLines = ({ fields }: ApplicationReport): OutputLine[] => {
  if (fields === null) return [line("only the student can see a draft", label("Form"))];
  const { intakeYear, studyMode, funding, contactEmail, statement, notes } = fields;
  return [
    line(intakeYear === null ? "-" : String(intakeYear), label("Start")),
    line(studyMode ?? "-", label("Study mode")),
    line(funding ?? "-", label("Funding")),
    line(contactEmail ?? "-", label("E-mail")),
    ...prose(statement ?? "-", label("Statement")),
    ...prose(notes ?? "-", label("Notes")),
  ];
};

const documentColumns: readonly Column<ApplicationReport["documents"][number]>[] = [
  { title: "DOCUMENT", cell: ({ id }) => id },
  { title: "KIND", cell: ({ kind }) => kind },
  { title: "STATUS", cell: ({ status }) => status },
  { title: "NAME", cell: ({ name }) => name, canShrink: true },
  { title: "NOTE", cell: ({ note }) => note, canShrink: true },
];

const historyColumns: readonly Column<ApplicationReport["history"][number]>[] = [
  { title: "AT", cell: ({ at }) => instantToText(at) },
  { title: "BY", cell: ({ by }) => by },
  { title: "FROM", cell: ({ from }) => from },
  { title: "TO", cell: ({ to }) => statusToCell(to) },
  { title: "NOTE", cell: ({ note }) => note, canShrink: true },
];

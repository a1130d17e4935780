import { describe, expect, test } from "vitest";
import { fitTable, fitWidths } from "./columns.ts";
import { table } from "./outcome.ts";

const fixed = (width: number) => ({ width, canShrink: false });
const shrinkable = (width: number) => ({ width, canShrink: true });

describe("fitWidths", () => {
  test("columns that fit keep their width", () => {
    expect(fitWidths([fixed(10), shrinkable(20)], 32)).toEqual([10, 20]);
  });

  test("the widest column that can shrink gives first", () => {
    expect(fitWidths([fixed(10), shrinkable(30), shrinkable(20)], 44)).toEqual([10, 15, 15]);
  });

  test("a column that shrinks keeps 8", () => {
    expect(fitWidths([fixed(10), shrinkable(30), fixed(5)], 27)).toEqual([10, 8, 5]);
  });

  test("the last columns are left out when shrinking is not enough", () => {
    expect(fitWidths([fixed(36), shrinkable(30), fixed(16)], 60)).toEqual([36, 22]);
  });

  test("a column that does not fit takes those after it along, so that the order stays", () => {
    expect(fitWidths([fixed(10), fixed(50), fixed(2)], 30)).toEqual([10]);
  });

  test("the first column is cut rather than left out", () => {
    expect(fitWidths([fixed(36), fixed(5)], 20)).toEqual([20]);
  });
});

describe("fitTable", () => {
  const devices = [
    { name: "Priya's\tiPhone 15 Pro", tries: 3 },
    { name: null, tries: 1_000 },
  ];
  const deviceTable = table(
    [
      { title: "DEVICE", cell: ({ name }) => name, canShrink: true },
      { title: "TRIES", cell: ({ tries }) => tries },
    ],
    devices,
    { empty: "No devices." },
  );

  test("everything is shown where there is no width", () => {
    const { titles, rows, leftOut } = fitTable(deviceTable, Infinity);

    expect([titles, ...rows.map((row) => row.map(({ text }) => text))].map((row) => row.join(""))).toEqual([
      "DEVICE                 TRIES",
      "Priya's iPhone 15 Pro      3",
      "-                      1,000",
    ]);
    expect(leftOut).toEqual([]);
  });

  test("a narrow terminal cuts what can shrink", () => {
    const { rows } = fitTable(deviceTable, 18);

    expect(rows[0]?.map(({ text }) => text).join("")).toBe("Priya's iP…      3");
  });

  test("what is left out is named", () => {
    expect(fitTable(deviceTable, 10).leftOut).toEqual(["TRIES"]);
  });
});

import { describe, expect, test } from "vitest";
import { fitTable, fitWidths } from "./columns.ts";
import { table } from "./outcome.ts";

const fixed = (width: number) => ({ width, canShrink: false });
const shrinkable = (width: number) => ({ width, canShrink: true });

describe("fitWidths", () => {
  test("keeps the width of columns that fit", () => {
    expect(fitWidths([fixed(10), shrinkable(20)], 32)).toEqual([10, 20]);
  });

  test("shrinks the widest shrinkable column first", () => {
    expect(fitWidths([fixed(10), shrinkable(30), shrinkable(20)], 44)).toEqual([10, 15, 15]);
  });

  test("shrinks a column to no less than 8", () => {
    expect(fitWidths([fixed(10), shrinkable(30), fixed(5)], 27)).toEqual([10, 8, 5]);
  });

  test("leaves out the last columns when shrinking is not enough", () => {
    expect(fitWidths([fixed(36), shrinkable(30), fixed(16)], 60)).toEqual([36, 22]);
  });

  test("leaves out all columns after one that does not fit, so that the order stays", () => {
    expect(fitWidths([fixed(10), fixed(50), fixed(2)], 30)).toEqual([10]);
  });

  test("cuts the first column instead of leaving it out", () => {
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

  test("shows everything when there is no width limit", () => {
    const { titles, rows, leftOut } = fitTable(deviceTable, Infinity);

    expect([titles, ...rows.map((row) => row.map(({ text }) => text))].map((row) => row.join(""))).toEqual([
      "DEVICE                 TRIES",
      "Priya's iPhone 15 Pro      3",
      "-                      1,000",
    ]);
    expect(leftOut).toEqual([]);
  });

  test("cuts shrinkable columns in a narrow terminal", () => {
    const { rows } = fitTable(deviceTable, 18);

    expect(rows[0]?.map(({ text }) => text).join("")).toBe("Priya's iP…      3");
  });

  test("names the columns that were left out", () => {
    expect(fitTable(deviceTable, 10).leftOut).toEqual(["TRIES"]);
  });
});

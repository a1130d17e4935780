import { expect, test } from "vitest";
import { CommandError, errorToFailure, unreachable } from "./failure.ts";

const scene = { url: "http://127.0.0.1:4000", tokenAdvice: "Give a token.", hints: {} };

test("a CommandError keeps its message and hints, and may set its own exit code", () => {
  const error = new CommandError("not-found", "There is no file.", { hints: ["Give a file."], exitCode: 1 });

  expect(errorToFailure(error, scene)).toMatchObject({
    reason: "not-found",
    message: "There is no file.",
    hints: ["Give a file."],
    exitCode: 1,
  });
});

test("a refused connection is reported with its code and how to start a server", () => {
  const cause = new TypeError("fetch failed", {
    cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
  });

  const failure = errorToFailure(unreachable(cause, scene.url), scene);

  expect(failure.message).toContain("ECONNREFUSED");
  expect(failure.hints[0]).toContain("npm start");
  expect(failure.exitCode).toBe(6);
});

test("a system error is reported without a stack", () => {
  const error = Object.assign(new Error("EACCES: permission denied, mkdir '/data'"), { code: "EACCES" });

  expect(errorToFailure(error, scene)).toMatchObject({
    reason: "failed",
    message: error.message,
    exitCode: 1,
  });
});

test("any other error is reported as a bug, with its stack", () => {
  const failure = errorToFailure(new RangeError("Invalid count value"), scene);

  expect(failure).toMatchObject({ reason: "bug", hints: ["This is a bug."], exitCode: 1 });
  expect(failure.message).toContain("failure.test.ts");
});

test("an error that Node finds in our code is a bug", () => {
  const error = Object.assign(new TypeError("The argument must be"), { code: "ERR_INVALID_ARG_TYPE" });

  expect(errorToFailure(error, scene).reason).toBe("bug");
});

import type { ApplicationStatus } from "@edvoyage/protocol";
import { expect } from "vitest";
import { someCourses } from "./application.ts";
import type { TestDialect } from "../databases/databases.ts";
import { createStudent, type Student } from "./student.ts";
import { createWorld, type WorldOptions } from "../servers/world.ts";

/** Creates a world with courses and two students. */
export const createApplicationScene = async (dialect: TestDialect, limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ dialect, limits });
  const courses = await someCourses(world, 8);
  const courseAt = (index: number): string => courses[index] ?? expect.fail("no such course");
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const move = (applicationId: string, status: ApplicationStatus) =>
    world.admin.admin.applications.move.mutate({ applicationId, status });
  return { world, courseAt, ada, bo, move };
};

/** Returns the history of an application. */
export const stepsOf = async ({ rpc }: Student, applicationId: string) =>
  (await rpc.applications.history.query({ applicationId, limit: 100 })).items;

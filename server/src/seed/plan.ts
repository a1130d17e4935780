import type { SeedAction } from "./action.ts";
import { planApplications } from "./applying.ts";
import { planSocial } from "./posts.ts";
import { drawGraph, planGraph } from "./graph.ts";
import { planFavourites, planNotificationReads } from "./keeping.ts";
import { planRooms } from "./rooms.ts";
import { drawStudents, planStudents, type SeededStudent, type WorldFrame } from "./students.ts";

/** The plan of a world, before it is built. */
export interface WorldPlan {
  readonly students: readonly SeededStudent[];
  /** In an order in which they can run: each act comes after those that it depends on. */
  readonly acts: readonly SeedAction[];
}

/** Plans a whole world. The same frame has the same plan: to continue a world, plan it again. */
export const planWorld = (frame: WorldFrame): WorldPlan => {
  const students = drawStudents(frame);
  const graph = drawGraph(frame, students);
  return {
    students,
    acts: [
      ...planStudents(frame, students),
      ...planGraph(frame, students, graph),
      ...planSocial(frame, students, graph),
      ...planRooms(frame, students, graph),
      ...planFavourites(frame, students),
      ...planApplications(frame, students),
      ...planNotificationReads(frame, students),
    ],
  };
};

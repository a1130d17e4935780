import type { SeedAction } from "./action.ts";
import { planApplications } from "./applying.ts";
import { planCavity } from "./posts.ts";
import { drawGraph, planGraph } from "./graph.ts";
import { planFavourites, planNews } from "./keeping.ts";
import { planRooms } from "./rooms.ts";
import { drawStudents, planStudents, type SeededStudent, type WorldFrame } from "./students.ts";

/** A world before it is made. */
export interface WorldPlan {
  readonly students: readonly SeededStudent[];
  /** In the order in which they can be done: what one leans on is before it. */
  readonly acts: readonly SeedAction[];
}

/** Decides all of a world. The same for the same frame: who goes on with one plans it again. */
export const planWorld = (frame: WorldFrame): WorldPlan => {
  const students = drawStudents(frame);
  const graph = drawGraph(frame, students);
  return {
    students,
    acts: [
      ...planStudents(frame, students),
      ...planGraph(frame, students, graph),
      ...planCavity(frame, students, graph),
      ...planRooms(frame, students, graph),
      ...planFavourites(frame, students),
      ...planApplications(frame, students),
      ...planNews(frame, students),
    ],
  };
};

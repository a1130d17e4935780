import { defineCommand } from "../command.ts";
import { line } from "../outcome.ts";

/** `edvoyage seed run`. */
export const runSeed = defineCommand({
  summary: "Add the sample universities and their courses; what is there already stays as it is",
  parameters: {},
  examples: ["edvoyage seed run", "edvoyage seed run --db"],
  run: async ({ connect }) => {
    const { client } = await connect();
    const added = await client.admin.seed.run.mutate();
    const { universities, courses } = added;
    const isNew = universities + courses > 0;
    return {
      data: added,
      view: [
        line(
          isNew
            ? `Added ${universities.toLocaleString("en")} universities and ${courses.toLocaleString("en")} courses.`
            : "Nothing to add: the samples are all there.",
        ),
      ],
    };
  },
});

import { runTerminal } from "./terminal.ts";
import { createWorld, type WorldOptions } from "../servers/world.ts";

/** Returns a world and its terminal, which finds the server by its URL and the token in the data folder. */
export const createTerminal = async (options: WorldOptions = {}) => {
  const world = await createWorld(options);
  const edvoyage = (...words: string[]) =>
    runTerminal(words, { environment: { EDVOYAGE_DATA_DIR: world.dataDir, EDVOYAGE_URL: world.url } });
  return { world, edvoyage };
};

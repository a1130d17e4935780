import { EdVoyageError } from "./errors.ts";

/**
 * Loads a part of the SDK that most starts of an app do not need: `load` is its `import()`. A failure is not remembered, so the
 * next call tries again. Throws `offline`.
 */
export const loadOnDemand = async <Module>(load: () => Promise<Module>): Promise<Module> => {
  try {
    return await load();
  } catch (cause) {
    throw new EdVoyageError("offline", "A part of the SDK could not be loaded.", { cause });
  }
};

import { once } from "node:events";
import { onTestFinished } from "vitest";
import {
  spawnServer,
  whenListening,
  type Environment,
  type ServerProcess,
  type SpawnedServer,
} from "./spawned-server.ts";

export type { ServerProcess };

/** The output and exit code of a server that refused to start. */
export interface FailedStart {
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** Starts a server process that is killed when the test ends. */
const spawnForTest = (dataDir: string, environment: Environment): SpawnedServer => {
  const spawned = spawnServer(dataDir, environment);
  onTestFinished(() => void spawned.child.kill("SIGKILL"));
  return spawned;
};

/** Starts a server on a data folder and waits until it listens. */
export const startServerProcess = (dataDir: string, environment: Environment = {}): Promise<ServerProcess> =>
  whenListening(spawnForTest(dataDir, environment), dataDir, environment);

/** Starts a server that should refuse to start. */
export const failToStart = async (dataDir: string, environment: Environment = {}): Promise<FailedStart> => {
  const { child, printed } = spawnForTest(dataDir, environment);
  const [exitCode] = await once(child, "close");
  return { exitCode, stderr: printed.stderr };
};

// Import this first: virtual time replaces the clock before other modules read it.
import "../simulation/virtual-time.ts";
import { soakHostileUpdates } from "./hostile-updates.ts";
import { soakKills } from "./kills.ts";
import { soakPostgresRestarts } from "./postgres-restarts.ts";
import { soakPauses } from "./pauses.ts";
import { soakSimulation } from "./simulation.ts";

/** The long runs by name. Each takes its amount and resolves with its results. */
const soaks: Readonly<Record<string, (amount: number | undefined) => Promise<unknown>>> = {
  "hostile-updates": (frames) => soakHostileUpdates(frames),
  kills: (kills) => soakKills(kills),
  "postgres-restarts": (terminations) => soakPostgresRestarts(terminations),
  pauses: (seconds) => soakPauses(seconds),
  simulation: (histories) => soakSimulation(histories),
};

/** `npm run soak [-- <name> [amount]]`. Default: all soaks, each with its default amount. */
const main = async ([name, amount]: readonly string[]): Promise<void> => {
  const chosen = name === undefined ? Object.keys(soaks) : [name];
  for (const soakName of chosen) {
    const soak = soaks[soakName];
    if (!soak) throw new Error(`There is no soak "${soakName}": ${Object.keys(soaks).join(", ")}`);
    const figures = await soak(amount === undefined ? undefined : Number(amount));
    process.stdout.write(`${JSON.stringify({ soak: soakName, ...Object(figures) })}\n`);
  }
};

await main(process.argv.slice(2));

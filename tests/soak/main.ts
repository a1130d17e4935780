// First: virtual time takes the clock over before others look at it.
import "../simulation/virtual-time.ts";
import { soakHostileUpdates } from "./hostile-updates.ts";
import { soakKills } from "./kills.ts";
import { soakPostgresRestarts } from "./postgres-restarts.ts";
import { soakPauses } from "./pauses.ts";
import { soakSimulation } from "./simulation.ts";

/** The long runs, by name. Each takes how much of it is wanted, and resolves with its figures. */
const soaks: Readonly<Record<string, (amount: number | undefined) => Promise<unknown>>> = {
  "hostile-updates": (frames) => soakHostileUpdates(frames),
  kills: (kills) => soakKills(kills),
  "postgres-restarts": (terminations) => soakPostgresRestarts(terminations),
  pauses: (seconds) => soakPauses(seconds),
  simulation: (histories) => soakSimulation(histories),
};

/** `npm run soak [-- <name> [amount]]`: all of them, each as long as it should be, unless told. */
const main = async ([name, amount]: readonly string[]): Promise<void> => {
  const chosen = name === undefined ? Object.keys(soaks) : [name];
  for (const one of chosen) {
    const soak = soaks[one];
    if (!soak) throw new Error(`There is no soak "${one}": ${Object.keys(soaks).join(", ")}`);
    const figures = await soak(amount === undefined ? undefined : Number(amount));
    process.stdout.write(`${JSON.stringify({ soak: one, ...Object(figures) })}\n`);
  }
};

await main(process.argv.slice(2));

import { cpus } from "node:os";
import { benchChat } from "./chat.ts";
import { benchSdk } from "./sdk.ts";
import { benchSignIn } from "./sign-in.ts";
import { benchSocial } from "./social.ts";
import { print, ROUNDS, SECONDS } from "./world.ts";

/** `npm run bench -- <name>` runs one bench. Without a name, all run. */
const benches: Readonly<Record<string, () => Promise<void>>> = {
  "sign-in": benchSignIn,
  chat: benchChat,
  social: benchSocial,
  sdk: benchSdk,
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  process.stderr.write(`There is no bench "${unknown}", only ${Object.keys(benches).join(" and ")}.\n`);
  process.exit(2);
}
print(
  `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.version}; ${ROUNDS} rounds of ${SECONDS} s, interleaved; median (min–max)\n`,
);
for (const name of names.length > 0 ? names : Object.keys(benches)) await benches[name]?.();

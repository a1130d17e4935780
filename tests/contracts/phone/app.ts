// An app on a phone: the client of the README, with the actions of a student in two runs. Prints one line of JSON for
// each observation.
import { client } from "../../examples/react-native.ts";
import { phone } from "../../support/fakes/native/phone.ts";

const [run, ...input] = process.argv.slice(2);
const print = (observation: unknown): void => void process.stdout.write(`${JSON.stringify(observation)}\n`);

/** Resolves when the client is online. */
const whenOnline = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = client.sync.onStatus(({ connection }) => {
      if (connection !== "online") return;
      stop();
      resolve();
    });
  });

const setConnected = (isConnected: boolean): void => {
  phone.isConnected = isConnected;
  for (const listener of phone.networkListeners) listener({ isConnected });
};

await client.ready();
if (run === "first") {
  await client.auth.requestCode(input[0] ?? "");
  const code = new Promise<string>((resolve) =>
    process.stdin.once("data", (bytes) => resolve(String(bytes))),
  );
  print("asked");
  await client.auth.verifyCode(await code);
  const room = await client.chat.createRoom({ kind: "group", memberIds: [] });
  await room.send("From a phone");
  await client.settings.set("theme", "dark");
  await client.sync.flush();
  setConnected(false);
  await client.chat.room(room.id).send("In the tunnel");
  print([
    client.auth.state,
    client.settings.get("theme"),
    phone.networkListeners.size,
    phone.appStateListeners.size,
  ]);
  // Exit as if the system had killed the app.
  process.exit(0);
}
const { student } = client.auth.status;
print([client.auth.state, student?.phone, client.settings.get("theme"), client.chat.rooms().length]);
if (client.sync.status.connection !== "online") await whenOnline();
await client.sync.flush();
phone.appState = "background";
for (const listener of phone.appStateListeners) listener();
print(client.sync.status);
await client.auth.signOut();
await client.close();
print([client.auth.state, phone.networkListeners.size, phone.appStateListeners.size]);

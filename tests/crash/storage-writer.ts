// A program that writes to a store forever, two records at a time, and prints which were written.
import { createSqliteStorage } from "@edvoyage/client-sdk/node";

const [, , folder = ".", first = "0"] = process.argv;
const store = await createSqliteStorage({ folder }).open("store");
const encoder = new TextEncoder();

for (let number = Number(first); ; number += 1) {
  const value = encoder.encode(String(number));
  await store.write([
    { key: `left/${number}`, value },
    { key: `right/${number}`, value },
  ]);
  process.stdout.write(`${number}\n`);
}

// A program that opens a student's store, as a sign-in does, or deletes it, as a sign-out does:
// `node store-program.js <open|delete> <folder> <name>`.
import { createSqliteStorage } from "@edvoyage/client-sdk/node";

const [, , action, folder = ".", name = ""] = process.argv;
const storage = createSqliteStorage({ folder });
if (action === "delete") await storage.delete(name);
else await (await storage.open(name)).close();

import { createFakeExpoSqlite } from "../fake-expo-sqlite.ts";
import { phone } from "./phone.ts";

/** `expo-sqlite` on iOS. */
export const { openDatabaseAsync, deleteDatabaseAsync } = createFakeExpoSqlite(phone.folder, "ios");

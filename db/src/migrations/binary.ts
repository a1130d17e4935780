import type { DialectName } from "../database.ts";

/** The type of a column of bytes. */
export const binary = (dialect: DialectName): "blob" | "bytea" => (dialect === "sqlite" ? "blob" : "bytea");

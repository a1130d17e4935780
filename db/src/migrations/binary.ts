import type { DialectName } from "../database.ts";

/** The column type for bytes. */
export const binary = (dialect: DialectName): "blob" | "bytea" => (dialect === "sqlite" ? "blob" : "bytea");

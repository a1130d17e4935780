import { sql, type Migration } from "kysely";
import type { DialectName } from "../database.ts";

/**
 * Builds the SQL that shrinks the stored answers of commands. They held whole profiles and applications, up to 100 kB each.
 * An answer that is longer than a receipt keeps only its id, which is its first field if it has one; the rest is read again
 * when the command is repeated.
 */
export const shrinkAnswersSql = (dialect: DialectName): string => {
  const firstComma = dialect === "sqlite" ? "instr(answer, ',')" : "strpos(answer, ',')";
  return `
    update commands
    set answer = 'receipt:' || case
      when answer like '{"id":"%,%' then substr(answer, 1, ${firstComma} - 1) || '}'
      else '{}'
    end
    where length(answer) > 256
  `;
};

export const shrinkAnswers = (dialect: DialectName): Migration => ({
  up: async (db) => {
    await sql.raw(shrinkAnswersSql(dialect)).execute(db);
  },
});

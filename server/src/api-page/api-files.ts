import type { ProcedureEntry } from "../http/procedure-access.ts";
import { createApiDescription } from "./api-description.ts";
import { createApiPage } from "./api-page.ts";
import { createOpenApi } from "./openapi.ts";

/** The generated files that describe the HTTP API, as texts. */
export interface ApiFiles {
  /** `docs/api.md`. */
  readonly page: string;
  /** `server/openapi.json`. */
  readonly openApi: string;
}

/**
 * Generates the files from the procedures of a server. `page` is the present page, whose head is kept; `version` is that of
 * the server.
 */
export const createApiFiles = (
  procedures: readonly ProcedureEntry[],
  { page, version }: { readonly page: string; readonly version: string },
): ApiFiles => {
  const api = createApiDescription(procedures);
  return {
    page: createApiPage(page, api),
    openApi: `${JSON.stringify(createOpenApi(api, { version }), null, 1)}\n`,
  };
};

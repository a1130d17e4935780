import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { generateApi } from "swagger-typescript-api";
import { temporaryFolder } from "../databases/databases.ts";

/** An app on a client that was generated from `/openapi.json`. */
export interface GeneratedClient {
  /** Returns the id of the challenge. */
  requestCode(input: { readonly phone: string; readonly deviceId: string }): Promise<string>;
  /** Signs in and keeps the key. */
  verifyCode(input: {
    readonly challengeId: string;
    readonly deviceId: string;
    readonly code: string;
  }): Promise<unknown>;
  listSessions(input: { readonly limit: number }): Promise<unknown>;
  logOut(): Promise<unknown>;
}

/** The app's own code. The compiler checks it against the generated types. */
const APP = `
import { Api, HttpResponse, type AuthVerifyCodeError, type AuthVerifyCodeInput, type SessionsListInput } from "./client.js";

export const createApp = (baseUrl: string) => {
  const api = new Api<string>({
    baseUrl,
    securityWorker: (key) => (key ? { headers: { authorization: \`Bearer \${key}\` } } : {}),
  });
  const orRefusal = async <Answer, Shown>(
    call: Promise<HttpResponse<{ result: { data: Answer } }, unknown>>,
    show: (answer: Answer) => Shown,
  ) => {
    try {
      return show((await call).data.result.data);
    } catch (thrown) {
      const { error, status } = thrown as HttpResponse<never, AuthVerifyCodeError>;
      return { refused: error.error.data.reason, status };
    }
  };
  return {
    requestCode: async (input: { phone: string; deviceId: string }): Promise<string> =>
      (await api.trpc.authRequestCode(input)).data.result.data.challengeId,
    verifyCode: (input: AuthVerifyCodeInput) =>
      orRefusal(api.trpc.authVerifyCode(input), ({ token, user }) => {
        api.setSecurityData(token);
        return { phone: user.phone };
      }),
    listSessions: (input: SessionsListInput) =>
      orRefusal(api.trpc.sessionsList({ input: JSON.stringify(input) }), ({ items }) => ({
        items: items.map(({ isCurrent }) => ({ isCurrent })),
      })),
    logOut: () => orRefusal(api.trpc.sessionsLogout({}), ({ ended }) => ({ ended })),
  };
};

// @ts-expect-error the code is required
const incomplete: AuthVerifyCodeInput = { challengeId: "", deviceId: "" };
// @ts-expect-error only the reasons of this procedure
const foreign: AuthVerifyCodeError["error"]["data"]["reason"] = "conflict";
`;

const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));

/** Generates a client from the document that the server serves, compiles it with an app, and starts the app. Throws what the compiler says. */
export const createGeneratedClient = async (url: string): Promise<GeneratedClient> => {
  const folder = temporaryFolder();
  await generateApi({ url: `${url}/openapi.json`, output: folder, fileName: "client.ts", silent: true });
  writeFileSync(join(folder, "app.ts"), APP);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const options = "--strict --target es2023 --lib es2023,dom,dom.iterable --module nodenext --types".split(
    " ",
  );
  execFileSync(process.execPath, [TSC, ...options, "", "--outDir", "built", "app.ts"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { createApp }: { createApp: (url: string) => GeneratedClient } = await import(
    pathToFileURL(join(folder, "built/app.js")).href
  );
  return createApp(url);
};

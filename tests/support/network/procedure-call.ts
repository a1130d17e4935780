import type { Server } from "@edvoyage/server/app";

/** The answer of a procedure. */
export interface Answered {
  /** `ok`, the reason of the refusal, or `bug`. */
  readonly outcome: string;
  /** The whole body as text. */
  readonly body: string;
}

/** Calls a procedure as any program on the network could: with any input and any key. */
export const callProcedure = async (
  { url, token }: { readonly url: string; readonly token?: string | undefined },
  { path, type }: Pick<Server["procedures"][number], "path" | "type">,
  input: unknown,
): Promise<Answered> => {
  const address = `${url}/trpc/${path}`;
  const text = JSON.stringify(input);
  const headers = {
    "content-type": "application/json",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  const response =
    type === "mutation"
      ? await fetch(address, { method: "POST", headers, body: text })
      : await fetch(`${address}?input=${encodeURIComponent(text)}`, { headers });
  const body = await response.text();
  const { error }: { error?: { data: { reason?: string } } } = JSON.parse(body);
  return { outcome: error ? (error.data.reason ?? "bug") : "ok", body };
};

import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  TRPCClientError,
} from "@trpc/client";
import { TRPCError } from "@trpc/server";
import { fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import { fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";
import { guardProcedures } from "./procedure-access.ts";
import { serveTrpc, type EndedCall } from "./trpc-adapter.ts";
import { publicProcedure, router, sessionProcedure, type Context } from "./trpc.ts";

const appRouter = guardProcedures(
  router({
    hello: publicProcedure.query(() => "hello"),
    nothing: publicProcedure.query(() => undefined),
    list: publicProcedure
      .input(z.object({ limit: z.number() }))
      .query(({ input }) => ({ items: [], limit: input.limit })),
    maybe: publicProcedure.input(z.string().optional()).query(({ input }) => input ?? null),
    save: publicProcedure.input(z.object({ text: z.string() })).mutation(({ input }) => input),
    touch: publicProcedure.mutation(() => ({ ok: true })),
    mine: sessionProcedure.query(() => "mine"),
    blocked: publicProcedure.query(() => {
      throw new AppError("otp/blocked", "Wait.", {
        blockedUntil: 1,
        retryAfterSeconds: 7,
        attemptsRemaining: 0,
      });
    }),
    full: publicProcedure.mutation(() => {
      throw new AppError("storage/full", "Full.", { retryAfterSeconds: 5 });
    }),
    bug: publicProcedure.query(() => {
      throw new Error("the secret is 123456");
    }),
    teapot: publicProcedure.query(() => {
      throw new TRPCError({ code: "PRECONDITION_FAILED", message: "inner words" });
    }),
    nested: router({ deep: publicProcedure.query(() => [1, 2, 3]) }),
  }),
  { writeRate: { take: () => {} } },
);

const createContext = async (): Promise<Context> => ({ caller: { state: "nobody" }, ip: "127.0.0.1" });

/** Starts our adapter and tRPC's own adapter with the same router. */
const startBoth = async (options: { readonly createContext?: () => Promise<Context> } = {}) => {
  const context = options.createContext ?? createContext;
  const ended: EndedCall[] = [];
  const ours = fastify();
  serveTrpc(ours, {
    router: appRouter,
    createContext: context,
    onCallEnded: (call) => void ended.push(call),
    maxBatchCalls: 10,
  });
  const stock = fastify({ routerOptions: { maxParamLength: 5_000 } });
  await stock.register(fastifyTRPCPlugin, {
    prefix: "/trpc",
    trpcOptions: { router: appRouter, createContext: context },
  });
  onTestFinished(async () => {
    await ours.close();
    await stock.close();
  });
  return { ours, stock, ended };
};

const json = { "content-type": "application/json" };
const input = (value: unknown): string => `input=${encodeURIComponent(JSON.stringify(value))}`;

interface Case {
  readonly method: "GET" | "POST" | "PUT" | "HEAD";
  readonly url: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const cases: readonly (readonly [string, Case])[] = [
  ["a query", { method: "GET", url: "hello" }],
  ["a query without a result", { method: "GET", url: "nothing" }],
  ["a query with an input", { method: "GET", url: `list?${input({ limit: 3 })}` }],
  ["a query whose input is wrong", { method: "GET", url: `list?${input({ limit: "3" })}` }],
  ["a query without the input that it needs", { method: "GET", url: "list" }],
  ["a query without its optional input", { method: "GET", url: "maybe" }],
  ["a query with input null", { method: "GET", url: "maybe?input=null" }],
  ["a query whose input is not JSON", { method: "GET", url: "list?input=%7Bnot" }],
  ["a query that takes no input and gets an invalid one", { method: "GET", url: "hello?input=%7Bnot" }],
  ["a nested query", { method: "GET", url: "nested.deep" }],
  ["an encoded path", { method: "GET", url: "nested%2Edeep" }],
  ["a mutation", { method: "POST", url: "save", body: '{"text":"é"}', headers: json }],
  [
    "a mutation with a charset in its content type",
    {
      method: "POST",
      url: "save",
      body: '{"text":"a"}',
      headers: { "content-type": "Application/JSON; charset=utf-8" },
    },
  ],
  ["a mutation whose input is wrong", { method: "POST", url: "save", body: "{}", headers: json }],
  ["a mutation whose body is not JSON", { method: "POST", url: "save", body: "{text", headers: json }],
  ["a mutation with an empty body", { method: "POST", url: "touch", body: "", headers: json }],
  ["a mutation without a body and content type", { method: "POST", url: "touch" }],
  ["a mutation called with GET", { method: "GET", url: "touch" }],
  ["a query called with POST", { method: "POST", url: "hello", body: "{}", headers: json }],
  ["a query called with PUT", { method: "PUT", url: "hello", body: "{}", headers: json }],
  ["a HEAD request", { method: "HEAD", url: "hello" }],
  ["an unknown procedure", { method: "GET", url: "nope" }],
  ["a router in place of a procedure", { method: "GET", url: "nested" }],
  ["a name of Object.prototype", { method: "GET", url: "toString" }],
  ["a request without a procedure", { method: "GET", url: "" }],
  ["a call that requires a session", { method: "GET", url: "mine" }],
  ["a query that throws an error with details", { method: "GET", url: "blocked" }],
  [
    "a mutation that fails with a status that tRPC lacks",
    { method: "POST", url: "full", body: "{}", headers: json },
  ],
  ["a query that throws an unexpected error", { method: "GET", url: "bug" }],
  ["a query that throws a TRPCError", { method: "GET", url: "teapot" }],
  ["a batch", { method: "GET", url: `hello,list?batch=1&${input({ 1: { limit: 2 } })}` }],
  ["a batch of one", { method: "GET", url: "hello?batch=1" }],
  [
    "a batch of mutations",
    { method: "POST", url: "save,touch?batch=1", body: '{"0":{"text":"a"}}', headers: json },
  ],
  ["a batch in which one fails", { method: "GET", url: `hello,list,nope?batch=1&${input({ 1: {} })}` }],
  ["a batch in which all fail with the same error", { method: "GET", url: "nope,none?batch=1" }],
  ["a batch in which all fail with different errors", { method: "GET", url: "mine,blocked?batch=1" }],
  ["a batch that mixes queries and mutations", { method: "GET", url: "hello,touch?batch=1" }],
  [
    "a batch called with the wrong method",
    { method: "POST", url: "hello,nothing?batch=1", body: "{}", headers: json },
  ],
  ["a batch whose input is an array", { method: "GET", url: `hello,list?batch=1&${input([1])}` }],
  ["a batch whose input is not JSON", { method: "GET", url: "list,maybe?batch=1&input=%7B" }],
  ["a path with commas that is not a batch", { method: "GET", url: "hello,hello" }],
  [
    "a streamed batch",
    { method: "GET", url: "hello,nested.deep?batch=1", headers: { "trpc-accept": "application/jsonl" } },
  ],
];

describe("our tRPC adapter", () => {
  test.each(cases)("answers %s as tRPC's own adapter does", async (_name, { method, url, body, headers }) => {
    const { ours, stock } = await startBoth();
    const request = {
      method,
      url: `/trpc/${url}`,
      ...(body === undefined ? {} : { payload: body }),
      headers: { ...headers },
    };

    const [mine, theirs] = [await ours.inject(request), await stock.inject(request)];

    expect(mine.statusCode).toBe(theirs.statusCode);
    expect(parsed(mine.body)).toEqual(parsed(theirs.body));
    // For a request that it cannot read, tRPC's adapter sends its JSON answer as text/plain.
    if (mine.body) expect(mine.headers["content-type"]).toMatch(/^application\/json/);
    expect(mine.headers.allow).toBe(theirs.headers.allow);
  });

  test.each(cases.filter(([, { method }]) => method === "GET"))(
    "answers %s as tRPC's own adapter does when no context can be made",
    async (_name, { url, headers }) => {
      const { ours, stock } = await startBoth({
        createContext: async () => {
          throw new AppError("rate/limited", "Slower.", { retryAfterSeconds: 3 });
        },
      });
      const request = { method: "GET", url: `/trpc/${url}`, headers: { ...headers } } as const;

      const [mine, theirs] = [await ours.inject(request), await stock.inject(request)];

      expect(mine.statusCode).toBe(theirs.statusCode);
      expect(parsed(mine.body)).toEqual(parsed(theirs.body));
    },
  );
});

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
};

test("sends retry-after with an error that has retryAfterSeconds, alone and in a batch", async () => {
  const { ours } = await startBoth();

  const blocked = await ours.inject({ method: "GET", url: "/trpc/blocked" });
  const batch = await ours.inject({ method: "GET", url: "/trpc/hello,blocked?batch=1" });

  expect([blocked.headers["retry-after"], batch.headers["retry-after"]]).toEqual(["7", "7"]);
});

test("answers an unexpected error with a bare 500 and reports its cause to the server only", async () => {
  const { ours, ended } = await startBoth();

  const reply = await ours.inject({ method: "GET", url: "/trpc/bug" });

  expect(reply.statusCode).toBe(500);
  expect(reply.body).not.toMatch(/secret|123456|stack|\.ts/);
  expect(reply.json()).toMatchObject({ error: { data: { code: "INTERNAL_SERVER_ERROR", details: {} } } });
  expect(ended[0]?.error?.cause).toMatchObject({ message: "the secret is 123456" });
});

test("reports an unknown path as (unknown) and not as the caller wrote it", async () => {
  const { ours, ended } = await startBoth();

  await ours.inject({ method: "GET", url: "/trpc/+919876543210" });

  expect(ended.map(({ procedure }) => procedure)).toEqual(["(unknown)"]);
});

test.each([
  ["httpLink", httpLink],
  ["httpBatchLink", httpBatchLink],
  ["httpBatchStreamLink", httpBatchStreamLink],
])("serves tRPC's own client over %s", async (_name, link) => {
  const { ours } = await startBoth();
  const url = `${await ours.listen({ host: "127.0.0.1", port: 0 })}/trpc`;
  const client = createTRPCClient<typeof appRouter>({ links: [link({ url })] });

  const answers = await Promise.allSettled([
    client.hello.query(),
    client.list.query({ limit: 5 }),
    client.save.mutate({ text: "kept" }),
    client.blocked.query(),
  ]);

  expect(answers.slice(0, 3).map((answer) => answer.status === "fulfilled" && answer.value)).toEqual([
    "hello",
    { items: [], limit: 5 },
    { text: "kept" },
  ]);
  const refused = answers[3]?.status === "rejected" ? answers[3].reason : undefined;
  expect(refused).toBeInstanceOf(TRPCClientError);
  expect(refused.data).toMatchObject({ reason: "otp/blocked", details: { retryAfterSeconds: 7 } });
});

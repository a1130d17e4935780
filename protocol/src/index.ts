// Code that both the server and the client run, without I/O. Code that only one of them runs does not belong here.
export * from "./account.ts";
export * from "./answers.ts";
export * from "./applications.ts";
export * from "./catalogue.ts";
export * from "./close-codes.ts";
export * from "./countries.ts";
export * from "./documents.ts";
export * from "./events.ts";
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./messages.ts";
export * from "./notifications.ts";
export * from "./profile.ts";
export * from "./sign-in.ts";
export * from "./with-timeout.ts";

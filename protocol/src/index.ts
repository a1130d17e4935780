// Code that both the server and the client run, and shapes that cross the wire. Without I/O. What only one side uses does not belong here.
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
export * from "./rooms.ts";
export * from "./sign-in.ts";
export * from "./social.ts";
export * from "./with-timeout.ts";

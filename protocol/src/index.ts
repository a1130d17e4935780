// What both ends execute: pure, no I/O. If one end does not run it, it does not belong here.
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./sign-in.ts";

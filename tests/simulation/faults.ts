/** Faults that can strike in a history. */
export const FAULTS = [
  /** A connection is refused. */
  "refused",
  /** A request, or a part of it, is lost with its connection before the server has it. */
  "request lost",
  /** The server has acted, and its reply is lost with the connection. */
  "reply lost",
  /** A connection ends at some moment, for both ends. */
  "cut",
  /** Only the device learns that its connection has ended. */
  "cut unheard by the server",
  /** Only the server learns that the connection has ended. */
  "cut unheard by the device",
  /** Nothing arrives any more, and neither end is told. */
  "black hole",
  /** A request arrives a second time, perhaps long after the first. */
  "repeated",
  /** For a while nothing passes between a device and the server. Then everything in flight arrives. */
  "partition",
  /** The device has no network, and knows it. */
  "airplane mode",
  /** The app ends during a write that was not made. */
  "killed before a write",
  /** The app ends during a write that was made. */
  "killed after a write",
  /** The app ends between two steps. */
  "killed",
  /** A firewall, a proxy or a portal answers instead of the server, before or after the server has acted. */
  "answered by something else",
  /** A firewall refuses every try of a command. */
  "refused on the way",
  /** A proxy removes the session's key from a request. */
  "key lost",
  "server restarted",
  "disk full",
  /** Every write of the device fails for a while. */
  "disk broken",
  /** Something, such as the operating system, deletes all data of the app while it runs. */
  "data deleted",
  "clock put forward",
  "clock put back",
  "server's clock put forward",
  "server's clock put back",
  "signed out by an admin",
] as const;

export type Fault = (typeof FAULTS)[number];

/** How often each fault has struck. */
export type FaultCounts = Record<Fault, number>;

export const noFaults = (): FaultCounts =>
  Object.fromEntries(FAULTS.map((fault) => [fault, 0] as const)) as FaultCounts;

import type { Peers, StorageAdapter } from "../storage.ts";
import { testOnDevice, type StorageContract } from "./fixture.ts";

/** Defines the tests of messages and locks between programs that share stores. */
export const describePeers = (contract: StorageContract): void => {
  const { expect } = contract;

  testOnDevice(contract, {
    name: "broadcasts to all other programs, and not to itself",
    run: async (fixture) => {
      const [one, two, three] = [fixture.connect(), fixture.connect(), fixture.connect()]
        .map(peersOf)
        .map((peers) => ({ peers, ...listenTo(peers) }));
      if (!one || !two || !three) throw new Error("Three programs make three peers");

      one.peers.broadcast("from one");
      await Promise.all([two.until("from one"), three.until("from one")]);
      two.peers.broadcast("from two");
      await Promise.all([one.until("from two"), three.until("from two")]);

      expect(one.heard).toEqual(["from two"]);
      expect(two.heard).toEqual(["from one"]);
      expect(three.heard).toEqual(["from one", "from two"]);
      for (const { stop } of [one, two, three]) stop();
    },
  });

  testOnDevice(contract, {
    name: "stops listening, and can listen again",
    run: async (fixture) => {
      const [one, other] = [peersOf(fixture.connect()), peersOf(fixture.connect())];
      const stopped = listenTo(other);
      const listening = listenTo(other);

      stopped.stop();
      one.broadcast("first");
      await listening.until("first");
      listening.stop();
      const resumed = listenTo(other);
      one.broadcast("second");
      await resumed.until("second");

      expect([stopped.heard, listening.heard, resumed.heard]).toEqual([[], ["first"], ["second"]]);
      resumed.stop();
    },
  });

  testOnDevice(contract, {
    name: "gives a name to one program at a time, in order, and skips a program that stopped waiting",
    run: async (fixture) => {
      const [one, two, three] = [fixture.connect(), fixture.connect(), fixture.connect()].map(peersOf);
      if (!one || !two || !three) throw new Error("Three programs make three peers");
      const holders: string[] = [];
      const acquire = (peers: Peers, name: string, holder: string) => {
        let giveBack = (): void => {};
        const taken = new Promise<void>((resolve) => {
          giveBack = peers.acquire(name, () => {
            holders.push(holder);
            resolve();
          });
        });
        return { taken, giveBack };
      };

      const first = acquire(one, "sender", "one");
      await first.taken;
      const second = acquire(two, "sender", "two");
      const third = acquire(three, "sender", "three");
      const elsewhere = acquire(two, "other name", "two, elsewhere");
      await elsewhere.taken;
      expect(holders).toEqual(["one", "two, elsewhere"]);
      second.giveBack();
      holders.push("one gives back");
      first.giveBack();
      await third.taken;
      const again = acquire(one, "sender", "one again");
      holders.push("three gives back");
      third.giveBack();
      third.giveBack();
      await again.taken;

      expect(holders).toEqual([
        "one",
        "two, elsewhere",
        "one gives back",
        "three",
        "three gives back",
        "one again",
      ]);
      again.giveBack();
      elsewhere.giveBack();
    },
  });
};

/** Collects the topics that a peer hears, and can wait for one. */
const listenTo = (peers: Peers) => {
  const heard: string[] = [];
  let wake = (): void => {};
  const stop = peers.subscribe((topic) => {
    heard.push(topic);
    wake();
  });
  const until = async (topic: string): Promise<void> => {
    while (!heard.includes(topic)) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { heard, stop, until };
};

const peersOf = ({ peers }: StorageAdapter): Peers => {
  if (peers) return peers;
  throw new Error('The adapter has no peers: say `without: ["peers"]`');
};

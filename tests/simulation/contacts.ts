import type { AppliedOf } from "./commands.ts";
import { isExplained, type Lane, type ModelCommand } from "./contacts-model.ts";
import type { SimulatedDevice } from "./device.ts";
import type { NotedCommand } from "./ledger.ts";
import type { Step } from "./steps.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

/** Actions of students on their contacts. */
export const contactSteps: readonly Step[] = [
  { weight: 15, begin: (world, device) => void changeContact(world, device) },
  {
    weight: 3,
    begin: (world, device) => {
      for (let count = world.random.between(2, 6); count > 0; count -= 1) void changeContact(world, device);
    },
  },
  {
    weight: 4,
    begin: (world, device) =>
      void world.act(device, "reads contacts", ({ client }) => client.contacts.list({ refresh: true })),
  },
];

type ContactChange = Parameters<NonNullable<SimulatedDevice["app"]>["client"]["contacts"]["update"]>[1];

const changeContact = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { random, students, violations } = world;
  const kind = random.pick(["add", "update", "update", "update", "remove"]);
  const draw = random.between(0, 1e9);
  const change: ContactChange = {
    ...(random.chance(0.3) ? { favourite: random.chance(0.5) } : {}),
    ...(random.chance(0.3) ? { blocked: random.chance(0.5) } : {}),
  };
  await world.act(device, `contacts.${kind}`, async ({ client }) => {
    // Only at this point it is known who is signed in.
    const owner = world.studentOn(device);
    const others = students.filter((student) => student !== owner);
    const id = others[draw % others.length]?.id ?? "";
    // The nickname names its owner, so that it can be recognised anywhere.
    const nickname = `${owner?.name} of ${device.name} ${draw}`;
    if (kind === "add") await client.contacts.add(id, { nickname });
    if (kind === "update") await client.contacts.update(id, { nickname, ...change });
    if (kind === "remove") await client.contacts.remove(id);
    if (world.studentOn(device) !== owner) return;
    const isKept = client.outbox
      .list()
      .some(
        ({ procedure, input }) =>
          procedure === `contacts.${kind}` &&
          "userId" in input &&
          input.userId === id &&
          (!("nickname" in input) || input.nickname === nickname),
      );
    if (!isKept)
      violations.push(`contacts.${kind} on ${device.name} was reported as stored, and is not in the outbox`);
  });
};

/** Checks, at the end of a history, that every device shows the contacts that the commands led to. */
export const checkContacts = async (world: SimulatedWorld, appliedOf: AppliedOf): Promise<void> => {
  const { server, students, violations } = world;
  const rows = server.rows<ContactRow>(
    "select owner_id, contact_id, nickname, is_favourite, is_blocked from contacts order by contact_id",
  );
  for (const student of students) {
    const own = rows.filter((row) => row.owner_id === student.id);
    const applied = appliedOf(student);
    for (const { nickname } of own) {
      if (nickname !== null && !nickname.startsWith(`${student.name} of `)) {
        violations.push(`${student.name} has a contact of somebody else: ${nickname}`);
      }
    }
    for (const other of students) {
      if (other === student) continue;
      const row = own.find((contactRow) => contactRow.contact_id === other.id);
      const contact = row ? rowToContact(row) : null;
      if (!isExplained(contact, lanesOf(world, { owner: student, other, applied }))) {
        violations.push(
          `No order of commands makes ${other.name} this contact of ${student.name}: ${JSON.stringify(contact)}`,
        );
      }
    }
    await Promise.all(student.devices.map((device) => checkDevice(world, { device, student, own })));
  }
};

interface ContactRow {
  readonly owner_id: string;
  readonly contact_id: string;
  readonly nickname: string | null;
  readonly is_favourite: number;
  readonly is_blocked: number;
}

const rowToContact = ({ nickname, is_favourite: favourite, is_blocked: blocked }: ContactRow) => ({
  nickname,
  favourite: favourite === 1,
  blocked: blocked === 1,
});

const checkDevice = async (
  world: SimulatedWorld,
  {
    device,
    student,
    own,
  }: {
    readonly device: SimulatedDevice;
    readonly student: SimulatedStudent;
    readonly own: readonly ContactRow[];
  },
): Promise<void> => {
  const read = await world.act(device, "reads contacts at the end", ({ client }) =>
    client.contacts.list({ refresh: true }),
  );
  const isOnServer = (id: string): boolean => own.some((row) => row.contact_id === id);
  const shown = read.isDone
    ? read.value.items
        // An addition that failed is shown on its device alone, until the student has decided about it.
        .filter(({ id, failure }) => failure === undefined || isOnServer(id))
        .map(({ id, nickname, favourite, blocked, isPending }) => ({
          id,
          nickname,
          favourite,
          blocked,
          isPending,
        }))
    : read.reason;
  const expected = own.map((row) => ({ id: row.contact_id, ...rowToContact(row), isPending: false }));
  if (JSON.stringify(shown) === JSON.stringify(expected)) return;
  world.violations.push(
    `${device.name} shows contacts of ${student.name} that are not the server's: ${JSON.stringify({ shown, expected })}`,
  );
};

/** Returns the commands of each device about one contact that took effect or were refused. */
const lanesOf = (
  { ledger, sent }: SimulatedWorld,
  {
    owner,
    other,
    applied,
  }: {
    readonly owner: SimulatedStudent;
    readonly other: SimulatedStudent;
    readonly applied: ReadonlySet<string>;
  },
): readonly Lane[] => {
  const lanes = new Map<string, ModelCommand[]>();
  // An app may have been killed after sending a command and before showing it.
  for (const [id, { procedure, input, at }] of sent) {
    if (!applied.has(id) || ledger.has(id) || !isAbout({ procedure, input }, other)) continue;
    lanes.set(id, [
      { procedure, input, notedAt: at, settledAt: Number.POSITIVE_INFINITY, outcome: "applied" },
    ]);
  }
  for (const command of ledger.commands) {
    if (command.student !== owner.name || !isAbout(command, other)) continue;
    const outcome = outcomeOf(command, applied);
    if (outcome === "nothing") continue;
    // A command that the app had given up may still have been in flight. So may a second copy of a removal that was moot at
    // its first arrival, which the server does not remember.
    const isRepeated = command.procedure === "contacts.remove" && (sent.get(command.id)?.times ?? 0) > 1;
    const isLate = outcome === "applied" && (command.wasRefused || command.mayBeDiscarded || isRepeated);
    const lane = command.wasRetried || isLate ? command.id : command.device;
    const settledAt = isLate ? Number.POSITIVE_INFINITY : command.settledAt;
    lanes.set(lane, [...(lanes.get(lane) ?? []), { ...command, settledAt, outcome }]);
  }
  return [...lanes.values()].map((commands) => ({ commands }));
};

const isAbout = (
  { procedure, input }: { readonly procedure: string; readonly input: object },
  { id }: SimulatedStudent,
): boolean => procedure.startsWith("contacts.") && "userId" in input && input.userId === id;

const outcomeOf = (
  { id, reason, mayBeDiscarded, procedure, state }: NotedCommand,
  applied: ReadonlySet<string>,
): ModelCommand["outcome"] | "nothing" => {
  if (applied.has(id)) return "applied";
  // The app drops a removal of what is gone.
  const isMoot = procedure === "contacts.remove" && state === "gone";
  return (reason === "not-found" || isMoot) && !mayBeDiscarded ? "refused" : "nothing";
};

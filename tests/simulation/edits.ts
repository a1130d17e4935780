import type { SimulatedDevice } from "./device.ts";
import type { NotedEdit } from "./noted.ts";
import type { Step } from "./steps.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

/** Actions of students on the document that their devices share: favourites and settings. */
export const editSteps: readonly Step[] = [
  { weight: 14, begin: (world, device) => void editFavourite(world, device) },
  { weight: 8, begin: (world, device) => void setSetting(world, device) },
  {
    weight: 2,
    begin: (world, device) => {
      for (let count = world.random.between(2, 6); count > 0; count -= 1) void editFavourite(world, device);
    },
  },
];

const UNIVERSITIES = [1, 2, 3, 4].map((number) => `00000000-0000-7000-8000-00000000000${number}`);
const SETTINGS = ["theme", "city"];
const NOTHING = "null";

const editFavourite = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { random } = world;
  const kind = random.pick(["toggle", "toggle", "add", "remove"]);
  const id = UNIVERSITIES[random.between(0, UNIVERSITIES.length - 1)] ?? "";
  await note(world, device, {
    what: `favourites.${kind} of ${id.slice(-1)}`,
    key: `favourite ${id}`,
    seen: ({ favourites }) => JSON.stringify(favourites.has("university", id)),
    act: async ({ favourites }) => {
      if (kind === "toggle") return JSON.stringify((await favourites.toggle("university", id)).isFavourite);
      await (kind === "add" ? favourites.add("university", id) : favourites.remove("university", id));
      return JSON.stringify(kind === "add");
    },
    value: kind === "toggle" ? undefined : JSON.stringify(kind === "add"),
  });
};

const setSetting = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { random } = world;
  const key = SETTINGS[random.between(0, SETTINGS.length - 1)] ?? "";
  const value = random.chance(0.8) ? `${device.name} ${random.between(0, 1e9)}` : null;
  await note(world, device, {
    what: `settings.set of ${key}`,
    key: `setting ${key}`,
    seen: ({ settings }) => JSON.stringify(settings.get(key) ?? null),
    act: async ({ settings }) => {
      await settings.set(key, value);
      return JSON.stringify(value);
    },
    value: JSON.stringify(value),
  });
};

type Client = NonNullable<SimulatedDevice["app"]>["client"];

const note = async (
  world: SimulatedWorld,
  device: SimulatedDevice,
  edit: {
    readonly what: string;
    readonly key: string;
    readonly seen: (client: Client) => string;
    readonly act: (client: Client) => Promise<string>;
    readonly value: string | undefined;
  },
): Promise<void> => {
  await world.act(device, edit.what, async ({ client }) => {
    const student = world.studentOn(device);
    if (!student) return;
    const { key, value } = edit;
    const noted: NotedEdit = {
      device: device.name,
      student: student.name,
      key,
      value,
      seen: edit.seen(client),
      isDone: false,
      mayBeUndone: world.ledger.isWipeExpected({ device: device.name, student: student.name }),
      mayBeMadeAgain: false,
    };
    world.edits.push(noted);
    noted.value = await edit.act(client);
    noted.isDone = true;
  });
};

/**
 * Checks, at the end of a history, that all devices show the same favourites and settings, and that some device set them
 * last.
 */
export const checkEdits = async (world: SimulatedWorld): Promise<void> => {
  for (const student of world.students) {
    const { items } = await world.witness(student).favourites.list.query({ limit: 100 });
    const onServer = new Map(items.map(({ id, addedAt }) => [id as string, addedAt]));
    const [first] = student.devices;
    const settings = first?.app?.client.settings.all() ?? {};
    for (const device of student.devices) checkDevice(world, { device, student, onServer, settings });
    for (const id of UNIVERSITIES) {
      checkValue(world, { student, key: `favourite ${id}`, value: JSON.stringify(onServer.has(id)) });
    }
    for (const key of SETTINGS) {
      checkValue(world, { student, key: `setting ${key}`, value: JSON.stringify(settings[key] ?? null) });
    }
  }
};

const checkDevice = (
  { violations }: SimulatedWorld,
  {
    device,
    student,
    onServer,
    settings,
  }: {
    readonly device: SimulatedDevice;
    readonly student: SimulatedStudent;
    readonly onServer: ReadonlyMap<string, number>;
    readonly settings: Readonly<Record<string, unknown>>;
  },
): void => {
  const client = device.app?.client;
  const shown = (client?.favourites.list() ?? []).map(({ id, addedAt }): [string, number] => [id, addedAt]);
  const expected = [...onServer];
  if (JSON.stringify(shown.sort(byFirst)) !== JSON.stringify(expected.sort(byFirst))) {
    violations.push(
      `${device.name} shows favourites of ${student.name} that are not the server's: ${JSON.stringify({ shown, expected })}`,
    );
  }
  const own = sortedJson(client?.settings.all() ?? {});
  if (own !== sortedJson(settings)) {
    violations.push(
      `${device.name} shows other settings of ${student.name} than the student's first device: ${own}`,
    );
  }
};

const sortedJson = (values: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(values).sort(byFirst));

const byFirst = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;

/** Checks that a value was set last by some device, and is not one that a device saw and replaced. */
const checkValue = (
  { edits, violations }: SimulatedWorld,
  {
    student,
    key,
    value,
  }: { readonly student: SimulatedStudent; readonly key: string; readonly value: string },
): void => {
  const own = edits.filter((edit) => edit.student === student.name && edit.key === key);
  const isUndone = own.every((edit) => !edit.isDone || edit.mayBeUndone);
  const candidates = new Set(isUndone ? [key.startsWith("setting") ? NOTHING : "false"] : []);
  for (const device of new Set(own.map((edit) => edit.device))) {
    for (const edit of own.filter((other) => other.device === device).toReversed()) {
      if (edit.value === undefined) candidates.add("true").add("false");
      else candidates.add(edit.value);
      if (edit.isDone && !edit.mayBeUndone) break;
    }
  }
  if (!candidates.has(value)) {
    violations.push(
      `${key} of ${student.name} is ${value}, which no device set last: ${[...candidates].join()}`,
    );
  }
  const replaced = own.find(
    (edit) => edit.isDone && !edit.mayBeUndone && edit.seen === value && edit.value !== value,
  );
  const isMadeAgain = own.some((edit) => edit.value === value && edit.mayBeMadeAgain);
  // A favourite may return to a former value. A setting here never does, except to nothing.
  if (key.startsWith("setting") && value !== NOTHING && replaced && !isMadeAgain) {
    violations.push(`${key} of ${student.name} is ${value} again, which ${replaced.device} had replaced`);
  }
};

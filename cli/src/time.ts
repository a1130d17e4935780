const UNITS = [
  { name: "day", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1_000 },
] as const;

/** A distance below this counts as now. */
const NOW_MS = 1_000;

/** Formats an instant in local time: `2026-11-23 03:15`. */
export const instantToText = (at: number): string => {
  const local = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [local.getFullYear(), two(local.getMonth() + 1), two(local.getDate())].join("-");
  return `${day} ${two(local.getHours())}:${two(local.getMinutes())}`;
};

/**
 * Formats the distance of an instant from now. The past is rounded, `2 min ago`; the future is more precise, `in 4
 * min 12 s`.
 */
export const relativeToNow = (at: number, now: number): string => {
  if (Math.abs(at - now) < NOW_MS) return "now";
  return at < now ? `${durationToText(now - at, 1)} ago` : `in ${durationToText(at - now, 2)}`;
};

/** Formats an instant and its distance from now: `2026-11-23 03:15 (2 min ago)`. */
export const instantAndDistance = (at: number, now: number): string =>
  `${instantToText(at)} (${relativeToNow(at, now)})`;

/**
 * Formats a duration in its largest units, down to whole seconds, such as `1 day 4 h`. A unit that is zero is left
 * out.
 */
export const durationToText = (durationMs: number, units: 1 | 2): string => {
  const first = UNITS.findIndex(({ ms }) => durationMs >= ms);
  if (first === -1) return "0 s";
  let remainingMs = durationMs;
  const texts: string[] = [];
  for (const { name, ms } of UNITS.slice(first, first + units)) {
    const count = Math.floor(remainingMs / ms);
    remainingMs -= count * ms;
    if (count > 0) texts.push(`${count} ${name === "day" && count > 1 ? "days" : name}`);
  }
  return texts.join(" ");
};

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** Formats a duration for people, in its largest unit: `45 s`, `2 h`, `10 d`. */
export function lengthOfTime(ms: number): string {
  const [unit, size] = units.find(([, it]) => ms >= it * 0.95) ?? units[3];
  return `${Math.max(0, Math.round(ms / size))} ${unit}`;
}

/** Formats the time that remains until `until`, epoch ms. */
export function timeLeft(until: number, now: number): string {
  return lengthOfTime(Math.max(0, until - now));
}

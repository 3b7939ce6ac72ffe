/** The metrics, in the order of the table. `aim` is codex-pool's goal: a bound on the value, or on its ratio to nginx. */
export const metrics = [
  { id: 'cpuPerTurn', title: 'CPU per turn', unit: 'ms', digits: 2, aim: { ratioToNginx: 2 } },
  { id: 'cpuPerEvent', title: 'CPU per event of a paced stream', unit: 'µs', digits: 0 },
  { id: 'firstByteP50', title: 'First byte, p50', unit: 'ms', digits: 2 },
  { id: 'firstByteP99', title: 'First byte, p99', unit: 'ms', digits: 2 },
  {
    id: 'firstByteAddedP50',
    title: 'First byte added, p50',
    unit: 'ms',
    digits: 2,
    isDifference: true,
    aim: { atMost: 1 },
  },
  { id: 'firstByteAddedP99', title: 'First byte added, p99', unit: 'ms', digits: 2, isDifference: true },
  { id: 'gapP50', title: 'Largest gap, p50', unit: 'ms', digits: 1 },
  { id: 'gapP99', title: 'Largest gap, p99', unit: 'ms', digits: 1 },
  {
    id: 'gapAddedP50',
    title: 'Largest gap over direct, p50',
    unit: 'ms',
    digits: 1,
    isDifference: true,
    aim: { atMost: 2 },
  },
  { id: 'gapAddedP99', title: 'Largest gap over direct, p99', unit: 'ms', digits: 1, isDifference: true },
  { id: 'rssIdle', title: 'Memory (RSS) idle', unit: 'MB', digits: 0, aim: { atMost: 120 } },
  { id: 'rssAfterLoad', title: 'Memory (RSS) after the load', unit: 'MB', digits: 0 },
  { id: 'portOpen', title: 'Start to open port', unit: 'ms', digits: 0 },
  {
    id: 'healthy',
    title: 'Start to first /healthz response',
    unit: 'ms',
    digits: 0,
    aim: { atMost: 1_000 },
  },
];

/** Compares a value with its goal; null without a goal or anything to compare with. */
export function judge({ id, aim }, targets) {
  const value = targets['codex-pool'][id]?.median;
  if (aim === undefined || value === undefined) return null;
  if (aim.atMost !== undefined) return { value, bound: aim.atMost, isMet: value <= aim.atMost };
  const nginx = targets.nginx?.[id]?.median;
  if (nginx === undefined) return null;
  return { value: value / nginx, bound: aim.ratioToNginx, isMet: value <= nginx * aim.ratioToNginx };
}

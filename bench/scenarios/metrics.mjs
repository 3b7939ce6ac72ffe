// The metrics that several scenarios share. A metric with `over` is derived: `from` less that of another target in the
// same round.
export const cpuPer = (what, unit = 'ms') => ({
  id: 'cpu',
  title: `CPU per ${what}`,
  unit,
  digits: unit === 'µs' ? 1 : 2,
});

export const firstByteP50 = { id: 'p50', title: 'first byte, p50', unit: 'ms', digits: 2 };
export const firstByteP99 = { id: 'p99', title: 'first byte, p99', unit: 'ms', digits: 2 };
export const addedP50 = { ...added(firstByteP50), title: 'first byte added, p50' };
export const addedP99 = { ...added(firstByteP99), title: 'first byte added, p99' };

/** The difference from direct in the same round. */
export function added({ id, title, unit, digits }) {
  return { id: `${id}Added`, title: `${title}, over direct`, unit, digits, from: id, over: 'direct' };
}

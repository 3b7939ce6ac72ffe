/** For `bigint` columns: some drivers read them as text, so that nothing is lost above 2^53; ours stay below. */
export const storedNumber = {
  to: (value: number | null): number | null => value,
  from: (value: unknown): number | null => (value === null || value === undefined ? null : Number(value)),
};

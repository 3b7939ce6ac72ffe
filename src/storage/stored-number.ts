/** Transforms `bigint` columns, which some drivers return as text to keep values above 2^53; ours are smaller. */
export const storedNumber = {
  to: (value: number | null): number | null => value,
  from: (value: unknown): number | null => (value === null || value === undefined ? null : Number(value)),
};

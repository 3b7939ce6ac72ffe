/** Joins buffers into one; a single one is returned as it is, without a copy. */
export function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

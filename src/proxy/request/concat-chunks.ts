/** Concatenates buffers; a single buffer is returned without a copy. */
export function concatChunks(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

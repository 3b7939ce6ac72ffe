/** The meter that counts every model without one of its own (docs/protocol.md, meters). */
export const GENERAL_METER = 'codex';

/**
 * Returns the key of a meter, however a header, a body or an event spells its name: `codex-bengalfox`,
 * `codex_bengalfox` and `Codex Bengalfox` are one. Bounded in length; null for an empty name.
 */
export function meterKey(name: string): string | null {
  const key = name
    .slice(0, 100)
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  return key === '' ? null : key;
}

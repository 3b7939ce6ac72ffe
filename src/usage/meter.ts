import { hash } from 'node:crypto';

/** The meter that counts every model without one of its own (docs/protocol.md, meters). */
export const GENERAL_METER = 'codex';

/**
 * Returns the key of a meter, however a header, a body or an event spells its name: `codex-bengalfox`,
 * `codex_bengalfox` and `Codex Bengalfox` are one. Bounded in length; null for an empty name. A name without letters and digits becomes its hash.
 */
export function meterKey(name: string): string | null {
  const key = name
    .slice(0, 100)
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}.]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '');
  if (key !== '') return key;
  return name.trim() === '' ? null : `_${hash('sha256', name).slice(0, 16)}`;
}

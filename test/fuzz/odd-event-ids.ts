import type { Draw } from './draw.js';

const eventIds = [
  '',
  '-',
  '0',
  '-1',
  'run-1',
  'x-9999999999999999999',
  'a-b-c',
  '\u00e9\u00ff',
  'x'.repeat(9_000),
  '"1"',
] as const;

/** A `last-event-id` that no run of the program has given. */
export const eventIdField = (draw: Draw): string => `last-event-id: ${draw.one(eventIds)}`;

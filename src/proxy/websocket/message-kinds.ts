/** Message types that report a refusal or a failure. */
export const failures: ReadonlySet<string | null> = new Set(['error', 'response.failed']);

/** Message types that end a turn. */
export const endings: ReadonlySet<string | null> = new Set([
  ...failures,
  'response.completed',
  'response.incomplete',
  'response.done',
]);

/** Whether a message contains output of the turn, or ends it. */
export const isOutput = (type: string | null): boolean =>
  type !== null && (type.startsWith('response.output_') || type.endsWith('.delta') || endings.has(type));

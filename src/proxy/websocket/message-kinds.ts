/** Frames that tell a refusal, or a failure. */
export const failures: ReadonlySet<string | null> = new Set(['error', 'response.failed']);

/** Frames that end a turn. */
export const endings: ReadonlySet<string | null> = new Set([
  ...failures,
  'response.completed',
  'response.incomplete',
  'response.done',
]);

/** Whether a frame shows something of the turn's output, or its end. */
export const isOutput = (type: string | null): boolean =>
  type !== null && (type.startsWith('response.output_') || type.endsWith('.delta') || endings.has(type));

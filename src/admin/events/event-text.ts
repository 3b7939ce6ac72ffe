/** The names of the events. */
export type EventName = 'snapshot' | 'delta' | 'dropped';

/** Returns the bytes of a server-sent event. JSON has no line breaks, so that its data is one line. */
export function eventBytes(name: EventName, data: object, id: string | null = null): Buffer {
  const head = id === null ? '' : `id: ${id}\n`;
  return Buffer.from(`${head}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Keeps connections alive, and shows ours that a listener is gone. */
export const comment = Buffer.from(':\n\n');

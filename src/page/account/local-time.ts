/** Returns a time as a field of type `datetime-local` has it, to the minute: `2026-11-27T14:00`. */
export function toLocalField(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

/** Reads such a field, as epoch ms; null if it holds no time. */
export function fromLocalField(text: string): number | null {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? new Date(text).getTime() : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

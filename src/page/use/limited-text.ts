/** The longest value that is read from an address. */
const MOST_CHARS = 300;

/** Returns a value of an address, cut to a bound; empty if it is missing. */
export function limitedText(value: string | null): string {
  return (value ?? '').slice(0, MOST_CHARS);
}

/** With so many failures, the rest would show nothing new. */
const MAX_FAILURES = 20;

/** Events of a soak by name, and what must not have happened. */
export class Tally {
  readonly failures: string[] = [];
  readonly #counts = new Map<string, number>();

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  fail(what: string): void {
    this.count('failures');
    if (this.failures.length < MAX_FAILURES) this.failures.push(`${new Date().toISOString()} ${what}`);
  }

  get hasTooManyFailures(): boolean {
    return this.failures.length >= MAX_FAILURES;
  }

  toString(): string {
    return [...this.#counts].map(([name, count]) => `${name} ${count}`).join(', ');
  }
}

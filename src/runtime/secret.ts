import { timingSafeEqual, createHash } from 'node:crypto';
import { inspect } from 'node:util';

const MASK = '[redacted]';

/**
 * A value that does not print: not by string conversion, JSON, or inspection.
 * `reveal()` is for the edges alone: a header, the body of a refresh, the credential file.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares without telling by its duration where two values differ. */
  equals(other: Secret | string): boolean {
    const theirs = typeof other === 'string' ? other : other.reveal();
    return timingSafeEqual(digest(this.#value), digest(theirs));
  }

  /** Tells whether two values are the same one, and nothing else of it: SHA-256, hex. */
  fingerprint(): string {
    return digest(this.#value).toString('hex');
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

import { timingSafeEqual, createHash } from 'node:crypto';
import { inspect } from 'node:util';

const MASK = '[redacted]';

/**
 * Holds a value that is masked in strings, JSON and inspection. Call `reveal()` only at the edges: a header, the body of
 * a refresh, the credential file.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares in constant time. */
  equals(other: Secret | string): boolean {
    const otherValue = typeof other === 'string' ? other : other.reveal();
    return timingSafeEqual(digest(this.#value), digest(otherValue));
  }

  /** Returns the SHA-256 in hex, to compare values without revealing them. */
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

import { hash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

const MASK = '[redacted]';

/**
 * Holds a value that is masked in strings, JSON and inspection. Call `reveal()` only at the edges: a header, the body of
 * a refresh, the credential file.
 */
export class Secret {
  readonly #value: string;
  /** SHA-256 of the value, once it was needed. */
  #digest: Buffer | null = null;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares in constant time. */
  equals(other: Secret | string): boolean {
    return timingSafeEqual(this.digest, typeof other === 'string' ? digestOf(other) : other.digest);
  }

  /** Returns the SHA-256 in hex, to compare values without revealing them. */
  fingerprint(): string {
    return this.digest.toString('hex');
  }

  private get digest(): Buffer {
    return (this.#digest ??= digestOf(this.#value));
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

function digestOf(value: string): Buffer {
  return hash('sha256', value, 'buffer');
}

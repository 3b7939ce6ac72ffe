import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { describeError } from '../runtime/pool-error.js';

/** Certificate authorities to trust besides the default ones. */
export interface Authorities {
  /** As PEM. */
  readonly certificates: readonly string[];
  /** Entries of the files that cannot be read as a certificate. */
  readonly unreadable: number;
}

/** OpenSSL's own label is common in the bundles of distributions. */
const BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([^-]*)-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

const file = z.string().default('');

/**
 * Reads the private certificate authorities: of `NODE_EXTRA_CA_CERTS`, and of Codex's own variables, of which
 * `CODEX_CA_CERTIFICATE` replaces `SSL_CERT_FILE`. Each file is PEM. A file without any certificate is a fault; single
 * unreadable entries are counted.
 */
export const authoritiesSchema = z
  .object({ NODE_EXTRA_CA_CERTS: file, CODEX_CA_CERTIFICATE: file, SSL_CERT_FILE: file })
  .transform((env, context): Authorities => {
    const codex = env.CODEX_CA_CERTIFICATE === '' ? 'SSL_CERT_FILE' : 'CODEX_CA_CERTIFICATE';
    const certificates = new Set<string>();
    let unreadable = 0;
    for (const name of ['NODE_EXTRA_CA_CERTS', codex] as const) {
      if (env[name] === '') continue;
      const read = readBundle(env[name]);
      if (typeof read === 'string') {
        context.addIssue({ code: 'custom', path: [name], message: read });
        continue;
      }
      unreadable += read.unreadable;
      for (const it of read.certificates) certificates.add(it);
    }
    return { certificates: [...certificates], unreadable };
  });

/** Returns the certificates in a file, or the reason why it cannot be used. */
function readBundle(path: string): Authorities | string {
  let text: string;
  try {
    text = readFileSync(resolve(path), 'latin1');
  } catch (error) {
    return `the file cannot be read: ${describeError(error)}`;
  }
  const blocks = [...text.matchAll(BLOCK)].map(([, base64 = '']) => certificateIn(base64));
  const certificates = blocks.filter((it) => it !== null);
  if (certificates.length > 0) return { certificates, unreadable: blocks.length - certificates.length };
  return `expected a PEM file with certificates ("-----BEGIN CERTIFICATE-----"); ${path} contains ${
    blocks.length === 0 ? 'none' : 'none that is readable'
  }`;
}

function certificateIn(base64: string): string | null {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64')).toString();
  } catch {
    return null;
  }
}

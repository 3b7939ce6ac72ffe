import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidConfigError, loadConfig } from './app.config.js';

const [first = '', second = '', third = ''] = rootCertificates.map((it) =>
  new X509Certificate(it).toString().trim(),
);
const certificates = new URL('../../test/support/network/certificates/', import.meta.url);
const names = ['NODE_EXTRA_CA_CERTS', 'CODEX_CA_CERTIFICATE', 'SSL_CERT_FILE'] as const;
const brokenEntry = '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n';

function faultsOf(env: Readonly<Record<string, string>>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message;
    throw error;
  }
  return '';
}

function trusted(env: Readonly<Record<string, string>>): readonly string[] {
  return loadConfig(env).authorities.certificates.map((it) => it.trim());
}

describe('the files of certificate authorities', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-pool-ca-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('are none unless set', () => {
    expect(loadConfig({ SSL_CERT_FILE: '' }).authorities).toEqual({ certificates: [], unreadable: 0 });
  });

  it.each(names)('may be set by %s', (name) => {
    expect(trusted({ [name]: written('one.pem', first) })).toEqual([first]);
  });

  it('CODEX_CA_CERTIFICATE replaces SSL_CERT_FILE, as for Codex; NODE_EXTRA_CA_CERTS is added', () => {
    const env = {
      NODE_EXTRA_CA_CERTS: written('node.pem', first),
      CODEX_CA_CERTIFICATE: written('codex.pem', second),
      SSL_CERT_FILE: written('ssl.pem', third),
    };
    expect(trusted(env)).toEqual([first, second]);
    expect(trusted({ ...env, CODEX_CA_CERTIFICATE: '' })).toEqual([first, third]);
    expect(trusted({ ...env, SSL_CERT_FILE: join(folder, 'missing.pem') })).toEqual([first, second]);
  });

  it('may be bundles with comments, repetitions, other blocks and other line ends', () => {
    const text = `# Made up\r\n${first.replaceAll('\n', '\r\n')}\n-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n${second}\n${first}`;
    expect(trusted({ SSL_CERT_FILE: written('bundle.pem', text) })).toEqual([first, second]);
  });

  it('may have OpenSSL’s own trusted certificates', () => {
    const label = readFileSync(new URL('trusted.pem', certificates), 'utf8');
    const plain = readFileSync(new URL('ca.pem', certificates), 'utf8');
    expect(trusted({ SSL_CERT_FILE: written('trusted.pem', label) })).toEqual([plain.trim()]);
  });

  it('may have entries that cannot be read, which are counted', () => {
    const path = written('some.pem', `${brokenEntry}${first}\n${brokenEntry}`);
    expect(loadConfig({ SSL_CERT_FILE: path }).authorities).toMatchObject({ unreadable: 2 });
    expect(trusted({ SSL_CERT_FILE: path })).toEqual([first]);
  });

  it('are read within 500 ms when they are the whole bundle of a system', () => {
    const path = written('all.pem', rootCertificates.join('\n'));
    const before = performance.now();
    expect(trusted({ SSL_CERT_FILE: path })).toHaveLength(rootCertificates.length);
    expect(performance.now() - before).toBeLessThan(500);
  });

  it.each([
    ['a missing file', null, /cannot be read: ENOENT/],
    ['an empty file', '', /contains none/],
    ['a file that is not PEM', 'hello', /contains none/],
    ['a binary file', '\u0000\u0001\u0002', /contains none/],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n', /contains none/],
    ['a file of entries that cannot be read', brokenEntry, /contains none that is readable/],
    ['a certificate that is cut', first.slice(0, 300), /contains none/],
  ])('are refused by name: %s', (_case, text, expected) => {
    const path = text === null ? join(folder, 'missing.pem') : written('bad.pem', text);
    for (const name of names) {
      const faults = faultsOf({ [name]: path });
      expect(faults).toMatch(new RegExp(`^ {2}${name}: `, 'm'));
      expect(faults).toMatch(expected);
    }
  });

  it('are refused by name: a folder', () => {
    expect(faultsOf({ SSL_CERT_FILE: folder })).toMatch(/SSL_CERT_FILE: the file cannot be read: EISDIR/);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addDotEnv } from './dot-env.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codex-pool-dot-env-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function added(text: string, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(join(folder, '.env'), text);
  const refused = addDotEnv(join(folder, '.env'), env);
  return { env, refused };
}

describe('a .env file', () => {
  it('gives settings that the environment lacks', () => {
    const text = 'A=1\r\nB="~/x y"\n# C=3\nexport D=4\nE=\nPOOL_DIR=./p\nHTTPS_PROXY=http://127.0.0.1:1\n';
    const { env, refused } = added(text, { A: 'mine', E: '' });
    expect(env).toEqual({
      A: 'mine',
      B: '~/x y',
      D: '4',
      E: '',
      POOL_DIR: './p',
      HTTPS_PROXY: 'http://127.0.0.1:1',
    });
    expect(refused).toEqual([]);
  });

  it.each([
    'UPSTREAM_WHAM_BASE',
    'UPSTREAM_REFRESH_BASE',
    'UPSTREAM_RESPONSES_BASE',
    'UPSTREAM_LATER',
    'upstream_wham_base',
    'NODE_EXTRA_CA_CERTS',
    'CODEX_CA_CERTIFICATE',
    'SSL_CERT_FILE',
    'NODE_TLS_REJECT_UNAUTHORIZED',
  ])('that sets %s gives nothing, and is refused unless the environment has one', (name) => {
    const given = added(`A=1\n${name}=https://evil.example`);
    expect(given.env).toEqual({});
    expect(given.refused).toEqual([expect.stringContaining(`${name} in ${join(folder, '.env')} is refused`)]);
    expect(given.refused[0]).toContain(`set ${name} in the environment`);
    expect(given.refused[0]).not.toContain('evil');
    const env = { [name]: 'https://mine.example' };
    expect(added(`${name}=https://evil.example`, { ...env })).toEqual({ env, refused: [] });
  });

  it('may be missing, but not a folder', () => {
    expect(addDotEnv(join(folder, 'none'), {})).toEqual([]);
    expect(() => addDotEnv(folder, {})).toThrow('EISDIR');
  });
});

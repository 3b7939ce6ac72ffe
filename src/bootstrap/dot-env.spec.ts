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
  const ignored = addDotEnv(join(folder, '.env'), env);
  return { env, ignored };
}

describe('a .env file', () => {
  it('gives settings that the environment lacks', () => {
    const { env, ignored } = added('A=1\r\nB="~/x y"\n# C=3\nexport D=4\nE=\n', { A: 'mine', E: '' });
    expect(env).toEqual({ A: 'mine', B: '~/x y', D: '4', E: '' });
    expect(ignored).toEqual([]);
  });

  it.each(['UPSTREAM_WHAM_BASE', 'UPSTREAM_REFRESH_BASE', 'UPSTREAM_RESPONSES_BASE', 'upstream_wham_base'])(
    'gives no %s, and says so unless the environment has one',
    (name) => {
      expect(added(`${name}=https://evil.example`)).toEqual({ env: {}, ignored: [name] });
      const env = { [name]: 'https://mine.example' };
      expect(added(`${name}=https://evil.example`, { ...env })).toEqual({ env, ignored: [] });
    },
  );

  it('may be missing, but not a folder', () => {
    expect(addDotEnv(join(folder, 'none'), {})).toEqual([]);
    expect(() => addDotEnv(folder, {})).toThrow('EISDIR');
  });
});

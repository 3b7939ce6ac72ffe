import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig, settingNames } from './app.config.js';

/** Settings that are not the program's own schema, and one that is the system's. */
const standard = [
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'CODEX_CA_CERTIFICATE',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
];
const systems = 'XDG_RUNTIME_DIR';

/** Name and default of each row of docs/settings.md; no default is an empty text. */
function documented(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| `([A-Z_]+)` \| [^|]+ \| (?:`([^`]*)`|none) \| /gm);
  return new Map([...rows].map(([, name = '', value = '']) => [name, value]));
}

it('docs/settings.md has every setting, and no other', () => {
  const wanted = [...settingNames.filter((it) => it !== systems), ...standard];
  expect([...documented().keys()].toSorted()).toEqual(wanted.toSorted());
});

it('docs/settings.md has the defaults of the program', () => {
  const { shown } = loadConfig({});
  const inForce = new Map(shown.map((it) => [it.name, it.value]));
  for (const [name, value] of documented()) {
    const actual = inForce.get(name) ?? '';
    const isPath = value.startsWith('./');
    const comparable = isPath ? `./${relative('.', actual)}` : actual.replace(/^not set$|\/$/, '');
    expect([name, comparable]).toEqual([name, value]);
  }
});

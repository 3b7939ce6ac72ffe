import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '../../support/rooms.js';

/** Size of the whole page on the wire. */
const MOST_BYTES = 90 * 1_024;

let folder = '';
const html = async (name: string) => readFile(join(folder, name), 'utf8');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-built-'));
  const configFile = join(projectRoot, 'vite.config.ts');
  await build({ configFile, logLevel: 'silent', build: { outDir: folder, emptyOutDir: true } });
}, 60_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('the whole page has at most 90 KB, gzipped', async () => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  const sizes = await Promise.all(files.map(async (it) => gzipSync(await readFile(it)).length));
  expect(sizes.length).toBeGreaterThan(3);
  expect(sizes.reduce((sum, it) => sum + it, 0)).toBeLessThanOrEqual(MOST_BYTES);
});

it.each(['index.html', 'sign-in.html'])('%s fits its content security policy', async (name) => {
  const text = await html(name);
  expect(text).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
  const addresses = [...text.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, it = '']) => it);
  expect(addresses.length).toBeGreaterThan(1);
  for (const it of addresses) expect(it).toMatch(/^\/assets\/[\w-]+-[\w-]{8}\.(?:js|css|svg)$/);
});

it('its scripts evaluate no text and name no other server', async () => {
  const assets = await readdir(join(folder, 'assets'));
  const scripts = await Promise.all(
    assets.filter((it) => it.endsWith('.js')).map((it) => html(join('assets', it))),
  );
  const text = scripts.join('\n');
  expect(text).not.toMatch(/\beval\(|new Function\(/);
  const servers = [...text.matchAll(/https?:\/\/([\w-]+(?:\.[\w-]+)*)/g)].map(([, it = '']) => it);
  expect(servers.filter((it) => !NAMED.includes(it))).toEqual([]);
});

/** Hosts in texts and namespaces of the page, which it never loads from. */
const NAMED = ['www.w3.org', '127.0.0.1', 'localhost'];

it('the form has the places that the program fills', async () => {
  const text = await html('sign-in.html');
  for (const it of ['value="%TO%"', '%MESSAGE%', 'action="/admin/session"', 'name="token"'])
    expect(text).toContain(it);
});

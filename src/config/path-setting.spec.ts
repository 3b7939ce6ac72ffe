import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './app.config.js';
import { readPath } from './path-setting.js';

describe('a path in a setting', () => {
  it.each([
    ['~', homedir()],
    ['~/', homedir()],
    ['~/pool', join(homedir(), 'pool')],
    ['~/a b/../c', join(homedir(), 'c')],
    ['~//pool', join(homedir(), 'pool')],
    ['./pool', resolve('pool')],
    ['pool', resolve('pool')],
    ['/pool/', '/pool'],
    ['/a/~/b', '/a/~/b'],
    ['./~', resolve('./~')],
    ['a~', resolve('a~')],
  ])('%j is %j', (text, path) => {
    expect(readPath(text)).toEqual({ kind: 'path', path });
  });

  it.each([
    ['~other', /your own home/],
    ['~other/pool', /your own home/],
    ['~~', /your own home/],
    ['~.', /your own home/],
    [' ', /space/],
    [' ./pool', /space/],
    ['./pool ', /space/],
    ['./pool\n', /control characters/],
    ['./po\0ol', /control characters/],
    ['~/\0', /control characters/],
  ])('%j is a fault', (text, fault) => {
    expect(readPath(text)).toEqual({ kind: 'fault', fault: expect.stringMatching(fault) });
  });

  it('expands ~ in every setting that is a path', () => {
    const { poolDir, dbPath } = loadConfig({ POOL_DIR: '~/pool', PROXY_DB_PATH: '~/data/x.db' });
    expect([poolDir, dbPath]).toEqual([join(homedir(), 'pool'), join(homedir(), 'data', 'x.db')]);
  });
});

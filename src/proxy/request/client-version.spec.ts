import { describe, expect, it } from 'vitest';
import { clientVersion, newerVersion } from './client-version.js';

const agent = 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)';

describe('the version of a client', () => {
  it.each<[string, Record<string, string>, string | null]>([
    ['?client_version=0.169.0', {}, '0.169.0'],
    ['?x=1&client_version=0.169.0', { version: '0.170.0', 'user-agent': 'codex/0.171.0' }, '0.169.0'],
    ['', { version: '0.170.0', 'user-agent': agent }, '0.170.0'],
    ['', { 'user-agent': agent }, '0.169.0'],
    ['', { 'user-agent': 'Codex Desktop/0.170.0-alpha.12 (Mac OS 26) unknown (x; 26.3.9)' }, '0.170.0'],
    ['?client_version=0.170.0-alpha.4', {}, '0.170.0'],
    ['?client_version=latest', { 'user-agent': agent }, '0.169.0'],
    ['?client_version=', {}, null],
    ['?client_version=1.2', {}, null],
    ['?client_version=1.2.3.4', {}, null],
    [`?client_version=${'9'.repeat(10_000)}.0.0`, {}, null],
    ['?client_version=%zz', {}, null],
    ['', { 'user-agent': 'Mozilla 0.169.0' }, null],
    ['', { 'user-agent': '/0.169.0' }, null],
    ['', { 'user-agent': `${'x/'.repeat(5_000)}0.169.0` }, null],
    ['', { 'user-agent': '' }, null],
    ['', {}, null],
  ])('with the query %j and the headers %j is %j', (query, headers, version) => {
    expect(clientVersion(query, headers)).toBe(version);
  });
});

describe('the newer of two versions', () => {
  it.each([
    ['0.169.0', '0.169.0', '0.169.0'],
    ['0.169.0', '0.170.0', '0.170.0'],
    ['0.99.0', '0.100.0', '0.100.0'],
    ['1.0.0', '0.200.7', '1.0.0'],
    ['0.169.10', '0.169.9', '0.169.10'],
  ])('of %s and %s is %s', (one, other, newer) => {
    expect(newerVersion(one, other)).toBe(newer);
    expect(newerVersion(other, one)).toBe(newer);
  });
});

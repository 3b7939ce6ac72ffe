import { describe, expect, it } from 'vitest';
import { clientStatus, isSilentWait } from './client-head.js';

const NOW = Date.UTC(2026, 10, 22, 12);
const codex = { originator: 'codex_exec' };
const inSeconds = (seconds: number): string => new Date(NOW + seconds * 1_000).toUTCString();

describe('the status for a client', () => {
  it.each([
    [200, 200],
    [401, 403],
    [403, 403],
    [407, 407],
    [500, 500],
  ])('for %i is %i', (upstream, status) => {
    expect(clientStatus(upstream)).toBe(status);
  });
});

describe('a Retry-After that Codex would silently wait out', () => {
  it.each<[unknown, boolean]>([
    [undefined, false],
    ['', false],
    ['0', false],
    ['60', false],
    ['60.5', true],
    ['61', true],
    ['3600', true],
    ['99999999999999999999', true],
    ['-3600', false],
    ['soon', false],
    [inSeconds(-3_600), false],
    [inSeconds(60), false],
    [inSeconds(61), true],
    [3_600, false],
    [['3600', '3600'], false],
  ])('%j: %s', (value, isSilent) => {
    expect(isSilentWait(value, codex, NOW)).toBe(isSilent);
    expect(isSilentWait(value, { 'user-agent': 'openai-python' }, NOW)).toBe(false);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from './app.config.js';
import { limits } from './limits.js';

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'codex-pool-prices-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** The prices in a file with this text. */
function pricesIn(text: string) {
  const file = join(folder, 'prices.json');
  writeFileSync(file, text);
  return loadConfig({ PROXY_PRICES: file }).prices;
}

describe('PROXY_PRICES', () => {
  it('names a file with a price for each model', () => {
    const prices = pricesIn(
      '{"gpt-1":{"input":1.25,"cached":0.125,"output":10},"x":{"input":0,"cached":0,"output":0}}',
    );
    expect(prices?.get('gpt-1')).toEqual({ input: 1.25, cached: 0.125, output: 10 });
    expect(prices?.size).toBe(2);
    expect(loadConfig({}).prices).toBeNull();
    expect(loadConfig({ PROXY_PRICES: '' }).prices).toBeNull();
  });

  it.each([
    ['nothing', '', 'the file is not JSON'],
    ['no JSON', '{', 'the file is not JSON'],
    ['an array', '[]', 'expected {"<model>"'],
    ['a price that is missing', '{"gpt-1":{"input":1,"output":1}}', 'gpt-1.cached'],
    ['a negative price', '{"gpt-1":{"input":-1,"cached":0,"output":1}}', 'gpt-1.input'],
    ['a text', '{"gpt-1":{"input":"1","cached":0,"output":1}}', 'gpt-1.input'],
    ['an unknown field', '{"gpt-1":{"input":1,"cached":0,"output":1,"in":1}}', 'gpt-1: '],
    ['too much', ' '.repeat(limits.pricesBytes + 1), 'larger than'],
  ])('with %s is a fault of the setting', (_what, text, reason) => {
    expect(() => pricesIn(text)).toThrow(`PROXY_PRICES: `);
    expect(() => pricesIn(text)).toThrow(reason);
  });

  it('of a file that is not there, or of a folder, is a fault', () => {
    expect(() => loadConfig({ PROXY_PRICES: join(folder, 'none.json') })).toThrow('cannot be read');
    expect(() => loadConfig({ PROXY_PRICES: folder })).toThrow('cannot be read');
  });
});

import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { type JsonVisitor, scanJson } from './json-scanner.js';

/** Builds the value again from the tokens. */
class Rebuilt implements JsonVisitor {
  private readonly parts: string[] = [];

  constructor(private readonly json: Buffer) {}

  get text(): string {
    return this.parts.join('');
  }

  open(_depth: number, _at: number, isArray: boolean): void {
    this.value(isArray ? '[' : '{');
  }

  close(_depth: number, end: number): void {
    this.parts.push(this.json.toString('latin1', end - 1, end));
  }

  key(_depth: number, at: number, end: number): void {
    this.value(this.json.toString('utf8', at, end));
    this.parts.push(':');
  }

  scalar(_depth: number, at: number, end: number): void {
    this.value(this.json.toString('utf8', at, end));
  }

  private value(text: string): void {
    if (!['[', '{', ':'].includes(this.parts.at(-1) ?? '[')) this.parts.push(',');
    this.parts.push(text);
  }
}

/** The value as JSON.parse returns it; undefined if the scanner, or a control character, shows that it is not JSON. */
async function scanned(json: Buffer): Promise<unknown> {
  const rebuilt = new Rebuilt(json);
  return (await scanJson(json, rebuilt)) ? parsed(Buffer.from(rebuilt.text)) : undefined;
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
}

const sample = Buffer.from(
  ' {"a":[1,-0.5e+3,true,false,null,"",{}],"b\\"\\\\":{"c":"ü✓\\u00e9\\n","d":[[],[[ ]],{"e":0}]} ,"f":"x"}\n',
);
const bytes = Buffer.from('{}[]",:\\u019abtrue -+.eE\n\t\0ü', 'utf8');

describe('the scanner', () => {
  it.each(['1', '"x"', 'null', ' [ ] ', '{}', '[1,2]', '{"a":{"a":"a"}}', '-0', '1e5', '"\\ud800"'])(
    'reads %s',
    async (text) => expect(await scanned(Buffer.from(text))).toEqual(JSON.parse(text)),
  );

  it.each([
    '',
    ' ',
    '1 2',
    '[1,]',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{]',
    '[}',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    'True',
    'nul',
    'NaN',
    '"\\x"',
    '"\\u00g0"',
    '"',
    '\ufeff{}',
    '{"a":1}}',
    '[1] // x',
  ])('refuses %j', async (text) => expect(await scanned(Buffer.from(text))).toBeUndefined());

  it('reads what JSON.parse reads, however the bytes are changed', async () => {
    const seed = Number(process.env['JSON_SEED'] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed);
    const upTo = (most: number) => Math.floor(random.between(0, most));
    for (let round = 0; round < 5_000; round += 1) {
      const changed = [...sample];
      for (let times = 1 + upTo(3); times > 0; times -= 1)
        changed.splice(
          upTo(changed.length),
          upTo(2),
          ...bytes.subarray(upTo(bytes.length)).subarray(0, upTo(3)),
        );
      const json = Buffer.from(changed);
      const about = `JSON_SEED=${seed}, round ${round}: ${json.toString('latin1')}`;
      expect({ about, value: await scanned(json) }).toEqual({ about, value: parsed(json) });
    }
  });

  it('leaves control characters in strings to upstream', async () => {
    expect(await scanJson(Buffer.from('{"a":"\t"}'), new Rebuilt(Buffer.alloc(0)))).toBe(true);
  });

  it('reads JSON across its steps', async () => {
    const value = Array.from({ length: 20_000 }, (_, i) => ({ [`k${i}`]: `"\\${i}`, n: i / 7 }));
    expect(await scanned(Buffer.from(JSON.stringify(value)))).toEqual(value);
  });

  it('refuses more levels than it follows', async () => {
    expect(await scanned(Buffer.from('['.repeat(9_000) + ']'.repeat(9_000)))).toBeDefined();
    expect(await scanned(Buffer.from('['.repeat(11_000) + ']'.repeat(11_000)))).toBeUndefined();
  });

  it('lets other work run', async () => {
    const json = Buffer.from(JSON.stringify('\\"'.repeat(4_000_000)));
    let turns = 0;
    const count = () => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    expect(await scanJson(json, new Rebuilt(Buffer.alloc(0)))).toBe(true);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(1);
  });
});

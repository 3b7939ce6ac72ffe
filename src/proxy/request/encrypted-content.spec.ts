import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { limits } from '../../config/limits.js';
import { bytesWithout, withoutItems } from './encrypted-content.js';
import { inputOf, type ReasoningItem } from './reasoning-items.js';

const message =
  '{"type":"message","role":"user","content":[{"type":"input_text","text":"größer \\u00e9 }],\\" ✓"}]}';
const reasoning = (content: string) =>
  `{"id":"rs_1","type":"reasoning","encrypted_content":"${content}","summary":[]}`;
const compaction = '{"type":"compaction","encrypted_content":"x"}';
const bodyText = (input: string) =>
  `{ "model":"m", "n":1.0e+2,\n"input" : [${input}]\t,"x":[1, {"input":[]}] }`;

const contentOf = (body: Buffer, { at, end }: ReasoningItem): string =>
  JSON.parse(body.toString('utf8', at, end)).encrypted_content;

async function contentsIn(text: string): Promise<string[] | null> {
  const body = Buffer.from(text, 'utf8');
  return (await inputOf(body))?.reasoning.map((it) => contentOf(body, it)) ?? null;
}

async function stripped(text: string, ...named: string[]): Promise<string> {
  const body = Buffer.from(text, 'utf8');
  const found = (await inputOf(body))?.reasoning ?? [];
  const removed = found.filter((it) => named.includes(contentOf(body, it)));
  const left = await withoutItems(body, removed);
  expect(left).toHaveLength(bytesWithout(body, removed));
  return left.toString('utf8');
}

describe('a request without cross-account reasoning', () => {
  it.each([
    ['at the start', `${reasoning('x')}, ${message},  ${compaction}`, `${message},  ${compaction}`],
    [
      'in the middle',
      `\n${message} ,\n${reasoning('x')} ,\t${compaction}\n`,
      `\n${message} ,\t${compaction}\n`,
    ],
    ['at the end', `${message}, ${reasoning('x')} `, `${message} `],
    [
      'twice',
      `${reasoning('x')},${message},${reasoning('x')},${reasoning('y')}`,
      `${message},${reasoning('y')}`,
    ],
    ['between values of other kinds', `1, ${reasoning('x')} ,"reasoning" ,[ ]`, '1 ,"reasoning" ,[ ]'],
  ])('keeps every other byte: %s', async (_where, input, left) => {
    expect(await stripped(bodyText(input), 'x')).toBe(bodyText(left));
  });

  it('is still JSON, whatever is removed', async () => {
    for (let taken = 1; taken < 31; taken += 1) {
      const names = ['a', 'b', 'c', 'd', 'e'].filter((_, i) => (taken & (1 << i)) !== 0);
      const input = [message, ...['a', 'b', 'c', 'd', 'e'].map(reasoning), compaction].join(' , ');
      const json: unknown = JSON.parse(await stripped(bodyText(input), ...names));
      expect(json).toMatchObject({ model: 'm', x: [1, { input: [] }] });
      expect(JSON.stringify(json).match(/"reasoning"/g) ?? []).toHaveLength(5 - names.length);
    }
  });
});

describe('the reasoning in a request', () => {
  it('is that of its input', async () => {
    const input = `${reasoning('x')},${message},${compaction},${reasoning('y')}`;
    expect(await contentsIn(bodyText(input))).toEqual(['x', 'y']);
  });

  it.each([
    ['a compaction', compaction],
    ['reasoning that is not encrypted', '{"type":"reasoning","summary":[]}'],
    ['encrypted content that is no text', '{"type":"reasoning","encrypted_content":{"a":"b"}}'],
    ['a type that is no text', '{"type":{"type":"reasoning"},"encrypted_content":"x"}'],
    ['an object deeper inside', `{"type":"message","content":[${reasoning('x')}],"y":${reasoning('x')}}`],
    ['an array with such an object', `[${reasoning('x')}]`],
    ['a text with such an object', JSON.stringify(reasoning('x'))],
    ['a type with an escape', '{"type":"\\u0072easoning","encrypted_content":"x"}'],
    ['a name with an escape', '{"type":"reasoning","encrypted_content":"x","t\\u0079pe":"message"}'],
    ['two types', '{"type":"reasoning","encrypted_content":"x","type":"message"}'],
    ['two contents', '{"type":"reasoning","encrypted_content":"x","encrypted_content":"y"}'],
    ['a longer type', '{"type":"reasoning_x","encrypted_content":"x"}'],
  ])('does not include %s', async (_what, item) => {
    expect(await contentsIn(bodyText(`${item},${reasoning('y')}`))).toEqual(['y']);
  });

  it.each([
    ['', null],
    ['null', null],
    ['[]', null],
    ['{"input":"text"}', []],
    ['{"input":[]}', []],
    ['{"input":{"type":"reasoning","encrypted_content":"x"}}', []],
    [`{"response":{"input":[${reasoning('x')}]}}`, null],
    ['{"input":[{]}', null],
    [`{"input":[${reasoning('x')}`, null],
    [`{"input":[${reasoning('x')}],"input":[]}`, null],
    [`{"input":[${reasoning('x')}],"in\\u0070ut":[]}`, null],
    [`{"input":[${reasoning('x')}]} x`, null],
    ['\u0000\u00ff', null],
  ])('of %j is %j', async (text, contents) => {
    expect(await contentsIn(text)).toEqual(contents);
  });

  it('is not removed beyond its bound', async () => {
    const most = limits.reasoningItemsPerBody;
    const items = Array<string>(most).fill(reasoning('x')).join(',');
    expect(await contentsIn(bodyText(items))).toHaveLength(most);
    expect(await contentsIn(bodyText(`${items},${reasoning('x')}`))).toBeNull();
  });

  it('has the same hash wherever it stands, and another for other content', async () => {
    const found = await inputOf(Buffer.from(bodyText(['x', 'y', 'x'].map(reasoning).join())));
    const [first, second, third] = found?.reasoning.map((it) => it.hash) ?? [];
    expect(third).toBe(first);
    expect(second).not.toBe(first);
  });
});

/** JSON with spaces at random, so that only untouched bytes compare equal. */
class RandomJson {
  constructor(private readonly random: SeededRandom) {}

  request(): { text: string; items: { text: string; isReasoning: boolean }[] } {
    const items = Array.from({ length: this.upTo(8) }, () => this.item());
    const input = `[${this.space()}${items.map((it) => it.text + this.space()).join(`,${this.space()}`)}]`;
    const fields = [`"input"${this.space()}:${this.space()}${input}`];
    for (let more = this.upTo(4); more > 0; more -= 1) fields.push(`"f${more}":${this.value(3)}`);
    return { text: this.space() + this.object(this.shuffled(fields)), items };
  }

  private item(): { text: string; isReasoning: boolean } {
    const type = this.oneOf(['reasoning', 'reasoning', 'compaction', 'message', 'function_call']);
    const content = this.oneOf([this.string(), this.string(), this.value(2)]);
    const fields = [`"type":${this.space()}"${type}"`, `"x":${this.value(3)}`];
    if (this.random.happens(0.8)) fields.push(`"encrypted_content"${this.space()}:${content}`);
    const isReasoning = type === 'reasoning' && fields.length === 3 && content.startsWith('"');
    if (this.random.happens(0.2)) return { text: this.value(3), isReasoning: false };
    return { text: this.object(this.shuffled(fields)), isReasoning };
  }

  private value(depth: number): string {
    const kind = this.upTo(depth > 0 ? 6 : 4);
    if (kind === 0) return this.string();
    if (kind === 1) return this.oneOf(['true', 'false', 'null']);
    if (kind < 4) return this.oneOf(['0', '-1', '1.5', '-0.0e-7', '12E+3', '1e9']);
    const inner = Array.from({ length: this.upTo(3) }, () => this.value(depth - 1));
    if (kind === 4) return `[${this.space()}${inner.join(`${this.space()},`)}]`;
    const names = ['type', 'input', 'encrypted_content', 'y'];
    return this.object(inner.map((it, i) => `"${names[i] ?? i}"${this.space()}:${it}`));
  }

  private string(): string {
    const parts = [
      'a',
      '\\"',
      '\\\\',
      '\\n',
      '\\u00e9',
      'ü',
      '✓',
      ']',
      '}',
      ',',
      '{"type":'.replaceAll('"', '\\"'),
    ];
    return `"${Array.from({ length: this.upTo(6) }, () => this.oneOf(parts)).join('')}"`;
  }

  private object(fields: string[]): string {
    return `{${this.space()}${fields.map((it) => it + this.space()).join(`,${this.space()}`)}}`;
  }

  private space(): string {
    return this.oneOf(['', '', '', ' ', '\n', '\t \r']);
  }

  private shuffled<T>(list: T[]): T[] {
    return list
      .map((it) => ({ it, by: this.random.next() }))
      .toSorted((a, b) => a.by - b.by)
      .map(({ it }) => it);
  }

  private oneOf<T>(list: readonly T[]): T {
    const found = list[this.upTo(list.length - 1)];
    if (found === undefined) throw new RangeError('nothing to choose from');
    return found;
  }

  private upTo(most: number): number {
    return Math.floor(this.random.between(0, most + 1));
  }
}

describe('random requests', () => {
  it('lose what JSON.parse finds, and nothing else', async () => {
    const seed = Number(process.env['JSON_SEED'] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed);
    const json = new RandomJson(random);
    for (let round = 0; round < 1_500; round += 1) {
      const { text, items } = json.request();
      const body = Buffer.from(text);
      const input = await inputOf(body);
      const found = input?.reasoning.map(({ at, end }) => body.toString('utf8', at, end));
      const about = `JSON_SEED=${seed}, round ${round}: ${text}`;
      const wanted = items.filter((it) => it.isReasoning).map((it) => it.text.trim());
      expect({ about, items: input?.items, found }).toEqual({ about, items: items.length, found: wanted });
      const removed = (input?.reasoning ?? []).filter(() => random.happens(0.5));
      if (removed.length === items.length) continue;
      const left = (await withoutItems(body, removed)).toString('utf8');
      const expected = JSON.parse(text);
      const gone = new Set(removed.map(({ at }) => at));
      const isGone = new Map(input?.reasoning.map(({ at }, i) => [i, gone.has(at)]));
      let index = -1;
      expected.input = expected.input.filter((_: unknown, i: number) => {
        if (items[i]?.isReasoning === true) index += 1;
        return !(items[i]?.isReasoning === true && isGone.get(index) === true);
      });
      expect({ about, left: JSON.stringify(JSON.parse(left)) }).toEqual({
        about,
        left: JSON.stringify(expected),
      });
    }
  });
});

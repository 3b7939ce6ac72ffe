import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { factsInBody, noFacts } from './body-facts.js';
import { sessionKeyFromBody } from './session-key.js';

const factsIn = async (text: string) => factsInBody(Buffer.from(text));

/** The facts as `JSON.parse` gives them. */
function parsed(text: string) {
  const json = JSON.parse(text);
  const [model, effort] = [json.model, json.reasoning?.effort];
  return {
    sessionKey: sessionKeyFromBody(json),
    model: typeof model === 'string' ? model : null,
    effort: typeof effort === 'string' ? effort.slice(0, 20) : null,
  };
}

describe('the facts of a body', () => {
  it.each([
    '{"model":"m","reasoning":{"effort":"high"},"prompt_cache_key":"k"}',
    '{"mod\\u0065l":"m","conversation":{"\\u0069d":"c\\n"}}',
    '{"model":"a","model":"b","reasoning":{"effort":"low"},"reasoning":{}}',
    '{"reasoning":{"effort":"high"},"reasoning":null,"model":["m"]}',
    '{"metadata":{"conversation":{"id":"c"}},"input":[{"model":"x"}]}',
    '{"metadata":{"metadata":{"prompt_cache_key":"k"}},"conversation":[{"id":"c"}]}',
    '{"conversation":"","prompt_cache_key":"größer ✓"}',
    '{"__proto__":{"model":"m"},"toString":"x"}',
    '{"input":[{"type":"message"},{"model":"x"}],"model":"m"}',
  ])('are those of JSON.parse: %s', async (text) => {
    expect(await factsIn(text)).toEqual(parsed(text));
  });

  it.each(['', '[]', '"m"', 'null', '{"model":"m"', '{"model":"m"}}', "{'model':'m'}"])(
    'are none in %j',
    async (text) => expect(await factsIn(text)).toEqual(noFacts),
  );

  it('are not read from longer strings than their bound', async () => {
    const long = 'k'.repeat(70_000);
    expect(
      await factsIn(JSON.stringify({ conversation_id: long, prompt_cache_key: 'k', model: long })),
    ).toEqual(parsed(JSON.stringify({ prompt_cache_key: 'k' })));
  });

  it('are those of JSON.parse in random objects', async () => {
    const seed = Number(process.env['JSON_SEED'] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed);
    const upTo = (most: number) => Math.floor(random.between(0, most));
    const names = ['model', 'reasoning', 'effort', 'conversation', 'conversation_id', 'id', 'metadata', 'x'];
    const valueOf = (depth: number): string => {
      const kind = upTo(depth > 0 ? 6 : 3);
      if (kind === 0) return JSON.stringify(['', 'a', 'ü"\\'][upTo(3)]);
      if (kind < 3) return ['1', 'null', 'true'][upTo(3)] ?? '0';
      const inner = Array.from({ length: upTo(5) }, () => valueOf(depth - 1));
      if (kind === 3) return `[${inner.join(', ')}]`;
      return objectOf(inner);
    };
    const objectOf = (inner: string[]) => `{${inner.map((it) => `"${names[upTo(8)]}" : ${it}`).join(',')}}`;
    for (let round = 0; round < 5_000; round += 1) {
      const text = objectOf(Array.from({ length: upTo(6) }, () => valueOf(4)));
      const about = `JSON_SEED=${seed}, round ${round}: ${text}`;
      expect({ about, ...(await factsIn(text)) }).toEqual({ about, ...parsed(text) });
    }
  });
});

import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { codexConfig } from '../../demo/codex-config.js';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { ConfigDocument } from './config-document.js';
import { differOnlyIn, pathsOf } from './config-facts.js';
import { COMMENT, planSetup, type SetupPlan } from './plan-setup.js';
import { planUndo } from './plan-undo.js';
import { type SetupMode, wantedKeys } from './wanted-keys.js';

const ORIGIN = 'http://127.0.0.1:8989';
const OURS = { openai_base_url: `${ORIGIN}/v1`, chatgpt_base_url: `${ORIGIN}/backend-api` };
const modes: readonly SetupMode[] = ['root-keys', 'provider'];

const planned = (text: string, mode: SetupMode = 'root-keys', origin = ORIGIN): SetupPlan =>
  planSetup(ConfigDocument.parse('config.toml', text), wantedKeys(mode, origin));
const undoneAll = (text: string, plans: readonly SetupPlan[]) => {
  const { document, kept } = planUndo(
    ConfigDocument.parse('config.toml', text),
    plans.map((it) => it.changes),
  );
  return { text: document.text, kept };
};
const undone = (text: string, plan: SetupPlan) => undoneAll(text, [plan]);
/** The table as another parser reads it. */
const read = (text: string): Record<string, unknown> => parse(text);

const lines = (text: string) => text.split('\n').map((it) => it.replace(/\r$/, ''));

/** The config as it should be afterwards, by another parser. */
function expected(text: string, mode: SetupMode): Record<string, unknown> {
  const before = read(text);
  if (mode === 'root-keys') {
    return { ...before, ...OURS, ...('model_provider' in before ? { model_provider: 'openai' } : {}) };
  }
  const ours = read(codexConfig(ORIGIN).join('\n'));
  const providers = { ...Object(before['model_providers']) };
  const own = { ...providers['codex-pool'], ...Object(ours['model_providers'])['codex-pool'] };
  return { ...before, ...ours, model_providers: { ...providers, 'codex-pool': own } };
}

const shapes: readonly [string, string][] = [
  ['an empty file', ''],
  ['only a comment', '# mine'],
  ['only empty lines', '\n\n'],
  ['keys without a final line break', 'model = "gpt"\nx = 1'],
  ['only tables', '[a]\nb = 1\n\n[[c]]\nd = 2\n'],
  ['a comment above the first table', '# about a\n[a]\nb = 1'],
  ['CRLF', '# c\r\nmodel = "gpt"\r\n\r\n[a]\r\nb = 1\r\n'],
  ['CRLF without a final line break', 'model = "gpt"\r\n[a]\r\nb = """x\r\ny"""'],
  ['tabs and odd spaces', '\tmodel\t=\t"gpt" \t# c\n\t[a]\t# t\n\t\tb=1\t\n'],
  ['our keys as basic strings', 'openai_base_url = "http://a" # mine\nchatgpt_base_url="http://b"\nx = 1\n'],
  ['our keys as literal strings', "openai_base_url = 'http://a'\nchatgpt_base_url = 'C:\\x'\n"],
  [
    'our keys as multi-line strings',
    'openai_base_url = """\nhttp://a"""\nmodel_provider = \'\'\'\na\n\'\'\'\n',
  ],
  ['our keys quoted', '"openai_base_url" = "http://a"\n\'model_provider\' = "x"\n'],
  ['our keys as numbers and lists', 'openai_base_url = 5\nchatgpt_base_url = [\n  "a", # c\n]\nm = 1\n'],
  ['our keys commented out', '# openai_base_url = "http://a"\n#chatgpt_base_url = "b"\n\n[a]\nb = 1\n'],
  ['one of our keys right already', `chatgpt_base_url = "${ORIGIN}/backend-api"\nmodel = "gpt"\n`],
  ['our keys in other tables', '[a]\nopenai_base_url = "http://a"\n[profiles.x]\nmodel_provider = "y"\n'],
  ['the same key in several profiles', '[profiles.x]\nmodel = "a"\n[profiles.y]\nmodel = "a"\n'],
  ['inline tables', 'a = { b = 1, c = { d = 2 } }\n[e]\nf = {g="h"} # c\n'],
  ['arrays of tables', '[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n'],
  ['dotted keys', 'a.b.c = 1\na.b.d = 2\n"x.y".z = 3\n[t]\nu.v = 1\n'],
  [
    'a foreign provider',
    'model_provider = "azure"\n\n[model_providers.azure]\nname = "Azure"\nbase_url = "https://a"\n',
  ],
  [
    'a provider of ours that is out of date',
    '[model_providers.codex-pool]\nname = "old"\nbase_url = "http://a" # c\nextra = 1\n[z]\n',
  ],
  ['an empty provider of ours', '[model_providers.codex-pool]\n[z]\na = 1'],
  ['the block of the README', `${codexConfig('http://127.0.0.1:1').join('\n')}\n`],
  ['a table of all providers', '[model_providers]\n[model_providers.a]\nname = "a"\n'],
  ['a schema directive', '#:schema https://example.test/codex.json\n# c\n[a]\nb = 1\n'],
  ['a schema directive alone', '#:schema https://example.test/codex.json'],
  [
    'our comment in a string',
    'a = """\n# Codex works through codex-pool; `codex-pool undo` takes this back.\n"""\n[b]\n',
  ],
  ['dates and floats', 'd = 1979-05-27T07:32:00Z\nf = 6.5e3\nb = true\n[a]\nt = 07:32:00\n'],
  ['words beyond ASCII', 'name = "Zoë 🎉" # naïve\n[projects."/home/ü"]\ntrust_level = "trusted"\n'],
];

describe.each(modes)('a setup by %s', (mode) => {
  it.each(shapes)('changes only its keys in %s, and its undo gives the same bytes', (_name, text) => {
    const plan = planned(text, mode);
    expect(read(plan.text)).toEqual(expected(text, mode));
    expect(plan.text).toContain('codex-pool undo');
    expect(undone(plan.text, plan)).toEqual({ text, kept: [] });
  });

  it.each(shapes)('is found to differ only in its keys from %s', (_name, text) => {
    const [before, after] = [text, planned(text, mode).text].map((it) => ConfigDocument.parse('', it));
    if (before === undefined || after === undefined) throw new TypeError('two documents');
    const ours = pathsOf(wantedKeys(mode, ORIGIN));
    expect(differOnlyIn(before, after, ours, COMMENT)).toBe(true);
    const spoiled = ConfigDocument.parse('', `spoiled = 1\n${after.text}`);
    expect(differOnlyIn(before, spoiled, ours, COMMENT)).toBe(false);
    const commented = ConfigDocument.parse('', `# spoiled\n${after.text}`);
    expect(differOnlyIn(before, commented, ours, COMMENT)).toBe(false);
  });

  it.each(shapes)('leaves every line of %s that has none of its keys', (_name, text) => {
    const foreign = lines(text)
      .filter((it) => /^\s*(?:#|\[|[\w."' ]+=)/.test(it))
      .filter((it) => !/^[^#]*(?:base_url|model_provider|wire_api|requires)|^name/.test(it));
    for (const it of foreign) expect(lines(planned(text, mode).text)).toContain(it);
  });

  it('keeps the line breaks of a file, and a schema directive in its first line', () => {
    for (const [, text] of shapes.filter((it) => it[1].includes('\r\n'))) {
      expect(planned(text, mode).text).not.toMatch(/(?<!\r)\n/);
    }
    for (const [, text] of shapes.filter((it) => it[1].startsWith('#:schema'))) {
      expect(lines(planned(text, mode).text)[0]).toBe(lines(text)[0]);
    }
  });

  it('changes nothing the second time', () => {
    for (const [, text] of shapes) {
      const { text: once } = planned(text, mode);
      expect(planned(once, mode)).toEqual({ changes: [], text: once });
    }
  });
});

describe('an undo', () => {
  const text = 'model_provider = "azure"\nmodel = "gpt"\n\n[a]\nb = 1\n';

  it('keeps what was added elsewhere, before, between and below', () => {
    const plan = planned(text);
    const edited = `# mine\n${plan.text}\n[projects."/w"]\ntrust_level = "trusted"\n`;
    expect(undone(edited, plan)).toEqual({
      text: `# mine\n${text}\n[projects."/w"]\ntrust_level = "trusted"\n`,
      kept: [],
    });
    const between = plan.text.replace('chatgpt_base_url', 'x = 1 # mine\nchatgpt_base_url');
    expect(undone(between, plan).text).toBe(text.replace('"gpt"\n', '"gpt"\nx = 1 # mine\n'));
  });

  it('leaves a key that was changed or deleted, and says so', () => {
    const plan = planned(text);
    const edited = plan.text
      .replace(`"${ORIGIN}/v1"`, '"http://mine"')
      .replace('model_provider = "openai"\n', '');
    expect(undone(edited, plan)).toEqual({
      text: 'model = "gpt"\nopenai_base_url = "http://mine"\n\n[a]\nb = 1\n',
      kept: [
        { name: 'model_provider', why: 'deleted' },
        { name: 'openai_base_url', why: 'changed' },
      ],
    });
  });

  it('leaves a value that was changed where the setup had replaced one', () => {
    const plan = planned(text);
    const edited = plan.text.replace('"openai"', '"mine"');
    expect(undone(edited, plan)).toEqual({
      text: text.replace('"azure"', '"mine"'),
      kept: [{ name: 'model_provider', why: 'changed' }],
    });
  });

  it('leaves our lines below a header that was put above them, where they mean something else', () => {
    const plan = planned(text);
    const edited = plan.text.replace(COMMENT, `[mine]\n${COMMENT}`);
    const after = undone(edited, plan).text;
    expect(after).toBe(edited.replace(`${COMMENT}\n`, '').replace('"openai"', '"azure"'));
  });

  it('finds our lines after a reordering, other quotes, another line break, and a comment behind them', () => {
    const plan = planned(text);
    const edited = [
      `chatgpt_base_url = '${OURS.chatgpt_base_url}'`,
      'model = "gpt"',
      COMMENT,
      `openai_base_url = "${OURS.openai_base_url}" # note`,
      'model_provider = "openai"',
      '',
    ].join('\r\n');
    expect(undone(edited, plan)).toEqual({
      text: 'model = "gpt"\r\n # note\r\nmodel_provider = "azure"\r\n',
      kept: [],
    });
  });

  it('takes nothing from a file that was replaced', () => {
    const plan = planned(text);
    expect(undone('other = 1\n', plan)).toEqual({
      text: 'other = 1\n',
      kept: [{ name: 'model_provider', why: 'deleted' }],
    });
  });

  it('removes a table of ours, but not what was added to it', () => {
    const plan = planned(text, 'provider');
    const mine = `${plan.text}stream_max_retries = 9\n`;
    expect(undone(mine, plan).text).toBe(
      text.concat('\n[model_providers.codex-pool]\nstream_max_retries = 9\n'),
    );
    const above = plan.text.replace('wire_api = "responses"\n', '').concat('wire_api = "responses"\n');
    expect(undone(above, plan).text.trimEnd()).toBe(text.trimEnd());
  });

  it('finds the values of an earlier setup, when the last one was killed before it wrote', () => {
    const [first, last] = [planned(text), planned(text, 'provider', 'http://127.0.0.1:7')];
    for (const found of [text, first.text, last.text]) {
      expect(undoneAll(found, [last, first])).toEqual({ text, kept: [] });
    }
  });

  it.each(shapes)('gives the same bytes of %s, when setups before were killed', (_name, source) => {
    const setups = modes.flatMap((mode) =>
      ['http://127.0.0.1:9001', ORIGIN].map((it) => [mode, it] as const),
    );
    const plans = setups.map((it) => planned(source, ...it));
    for (const written of plans) {
      const undo = undoneAll(written.text, [...plans.filter((it) => it !== written), written]);
      expect(undo).toEqual({ text: source, kept: [] });
    }
  });
});

describe('a setup refuses', () => {
  it.each([
    ['openai_base_url.x = 1\n', 'openai_base_url.x = …'],
    ['a = 1\n[openai_base_url]\nx = 1\n', 'openai_base_url.x'],
    ['[openai_base_url]\n', '[openai_base_url]'],
    ['[[chatgpt_base_url]]\n', '[[chatgpt_base_url]]'],
    ['openai_base_url = { a = 1 }\n', 'openai_base_url = { … }'],
  ])('%j', (text, found) => {
    expect(() => planned(text)).toThrow(
      found.startsWith('[') ? found : /is in the way of (openai|chatgpt)_base_url/,
    );
  });

  it.each([
    'model_providers = { azure = { name = "a" } }\n',
    'model_providers.azure.name = "a"\n',
    '[model_providers]\ncodex-pool = { name = "a" }\n',
    '[model_providers]\ncodex-pool.name = "a"\n',
    '[[model_providers]]\nname = "a"\n',
    '[[model_providers.codex-pool]]\nname = "a"\n',
    '[model_providers.codex-pool]\nname = { a = 1 }\n',
  ])('a provider in %j', (text) => {
    expect(() => planned(text, 'provider')).toThrow(/^Line \d of config\.toml, .* is in the way of/);
    expect(read(planned(text).text)).toEqual(expected(text, 'root-keys'));
  });

  it.each([
    ['a = 1\na = 2\n', 'line 2, column 1'],
    ['x = 1\ny = "open\n', 'line 2, column 10'],
    ['[a]\n[a]\n', 'line 2, column 2'],
    ['a = 1\rb = 2\n', 'line 1, column 7'],
    [`a = ${'['.repeat(200_000)}`, 'line 1, column 200005'],
    [`a = ${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested too deeply'],
  ])('broken TOML, with its place (%#)', (text, place) => {
    expect(() => planned(text)).toThrow(place);
  });
});

it('the provider is the one of the demo', () => {
  expect(read(planned('', 'provider').text)).toEqual(read(codexConfig(ORIGIN).join('\n')));
});

it('holds for random files, and for random edits between setup and undo', () => {
  const seed = Number(process.env['SETUP_SEED'] ?? Date.now() % 1_000_000);
  const random = new SeededRandom(seed);
  for (let round = 0; round < 400; round += 1) {
    const text = randomConfig(random);
    const mode = random.happens(0.5) ? 'provider' : 'root-keys';
    const context = `SETUP_SEED=${seed}, round ${round}, ${mode}:\n${text}`;
    const plan = planned(text, mode);
    // Another port, from the state before the first one, as a second setup does.
    const other = planned(undone(plan.text, plan).text, mode, 'http://[::1]:1');
    const end = plan.text.endsWith('\n') || plan.text === '' ? '' : '\n';
    const added = `${plan.text}${end}[added_${round}]\nx = 1\n`;
    expect({
      context,
      after: read(plan.text),
      undone: undone(plan.text, plan),
      undoneOther: undone(other.text, other).text,
      undoneAdded: read(undone(added, plan).text),
    }).toEqual({
      context,
      after: expected(text, mode),
      undone: { text, kept: [] },
      undoneOther: text,
      undoneAdded: { ...read(text), [`added_${round}`]: { x: 1 } },
    });
  }
});

/** A valid config of random lines, line breaks, quotes and tables. */
function randomConfig(random: SeededRandom): string {
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item =>
    items[Math.floor(random.next() * items.length)] ?? items[0];
  const eol = pick(['\n', '\n', '\r\n']);
  const value = (): string =>
    pick([
      '"a#b"',
      "'[x]'",
      '"""m\nn"""',
      "'''\n[not.a.table]\n'''",
      '[1, 2]',
      '[\n "a", # c\n]',
      '{ k = 1 }',
      '-1.5',
      'true',
      '2020-01-01',
    ]);
  const own = (): string => pick(['"http://a"', "'b'", '"""\nc"""', "'''d'''", '"openai"', `"${ORIGIN}/v1"`]);
  const gap = (): string =>
    pick(['', '', eol, `# note${eol}`, `\t# openai_base_url = "x"${eol}`, `  ${eol}${eol}`]);
  const after = (): string => pick(['', '', ' ', '\t# c', ' # "x" = [y]']);
  const equals = (): string => pick([' = ', '=', '\t=  ']);
  const parts: string[] = [];
  const keys = ['model', 'openai_base_url', '"chatgpt_base_url"', 'model_provider', 'a.b', "'q r'"];
  for (const key of keys) {
    if (!random.happens(0.4)) continue;
    const isOurs = /url|model_provider/.test(key);
    parts.push(gap() + pick(['', '  ', '\t']) + key + equals() + (isOurs ? own() : value()) + after() + eol);
  }
  const tables = [
    '[t]',
    '[[u]]',
    '[[u]]',
    '[model_providers.azure]',
    '[model_providers.codex-pool]',
    '[projects."/w"]',
  ];
  for (const header of tables) {
    if (!random.happens(0.4)) continue;
    parts.push(gap() + header + after() + eol);
    for (const key of ['name', 'base_url', 'x', 'openai_base_url']) {
      const isPlain = header.includes('model_providers');
      if (random.happens(0.4))
        parts.push(gap() + key + equals() + (isPlain ? own() : value()) + after() + eol);
    }
  }
  const text = parts.join('') + gap();
  return random.happens(0.3) ? text.replace(/(?:\r?\n)+$/, '') : text;
}

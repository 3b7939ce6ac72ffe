import { describe, expect, it } from 'vitest';
import { wrongPlace } from '../../src/fake-upstream/script/field-refusals.js';
import { SPARK_MODEL } from '../../src/fake-upstream/script/meter.js';
import { forbidden, rateLimit, usageLimit } from '../../src/fake-upstream/script/refusals.js';
import { byModel, streams } from '../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { completed, created, functionCallDone } from '../../src/fake-upstream/script/turn-events.js';
import { type CodexRun, Setting } from './support/setting.js';

const names = ['a', 'b'];
const GENERAL_MODEL = 'gpt-5.5';
const RETRIES = /reconnecting|falling back|retry limit|stream error/i;

const sessionIn = (run: CodexRun): string => /session id: ([0-9a-f-]{36})/.exec(run.stderr)?.[1] ?? 'none';

function everyone(setting: Setting, response: ScriptedResponse): void {
  for (const name of names) setting.fakeUpstream.account(name).always(response);
}

/** The accounts that may not serve now, with their reasons. */
async function accountsOut({ proxy }: Setting): Promise<string[]> {
  const accounts: unknown = await (await fetch(`${proxy.origin}/admin/accounts`)).json();
  if (!Array.isArray(accounts)) throw new TypeError('no list of accounts');
  return accounts.filter((it) => it.available !== true).map((it) => `${it.name}: ${it.reason}`);
}

async function execWith(setting: Setting, model: string, prompt: string): Promise<CodexRun> {
  return setting.exec('--skip-git-repo-check', '-m', model, prompt);
}

describe('the wrong country', () => {
  it('is printed within two seconds, after one attempt, and the next turn is served', async () => {
    await using setting = await Setting.start();
    everyone(setting, wrongPlace());
    const codex = setting.codex(['exec', '--skip-git-repo-check', '-m', GENERAL_MODEL, 'say hello']);
    await codex.until(
      (it) => (/Country, region, or territory not supported/.test(it.stderr) ? true : null),
      'Codex to print the cause',
    );
    const [first, ...rest] = setting.fakeUpstream.turns();
    expect(Date.now() - (first?.at ?? 0)).toBeLessThan(2_000);
    expect(rest).toEqual([]);
    await codex.ended;
    expect(codex.stderr).not.toMatch(RETRIES);
    expect(await accountsOut(setting)).toEqual([]);
    everyone(setting, streams());
    expect(await execWith(setting, GENERAL_MODEL, 'say hello')).toMatchObject({ code: 0 });
    expect(setting.fakeUpstream.attempts()).toHaveLength(2);
  });
});

describe('Spark’s meter', () => {
  it('is exhausted on every account while another model goes on, in its session and account', async () => {
    await using setting = await Setting.start();
    const refusal = usageLimit({ meter: 'codex_bengalfox' });
    for (const name of names) await setting.quotaKnown(name);
    const first = await execWith(setting, GENERAL_MODEL, 'one');
    expect(first).toMatchObject({ code: 0 });
    everyone(
      setting,
      byModel((model) => (model === SPARK_MODEL ? refusal : streams())),
    );
    const spark = await execWith(setting, SPARK_MODEL, 'two');
    expect(spark.stderr).toMatch(/hit your usage limit/);
    expect(spark.stderr).not.toMatch(RETRIES);
    expect(await accountsOut(setting)).toEqual([]);
    const before = setting.fakeUpstream.attempts();
    expect(before).toHaveLength(3);
    const resumed = await setting.exec(
      'resume',
      sessionIn(first),
      '--skip-git-repo-check',
      '-m',
      GENERAL_MODEL,
      'three',
    );
    expect(resumed).toMatchObject({ code: 0, stdout: `served by ${before[0]}\n` });
    expect(setting.fakeUpstream.attempts()).toHaveLength(4);
    // Known by now: nothing is sent.
    expect((await execWith(setting, SPARK_MODEL, 'four')).stderr).toMatch(/hit your usage limit/);
    expect(setting.fakeUpstream.attempts()).toHaveLength(4);
  });
});

describe('a refused image in the middle of a session', () => {
  it.each<[string, ScriptedResponse]>([
    ['429 usage_limit_reached', usageLimit()],
    ['429 with a Retry-After of an hour', rateLimit(3_600)],
    ['403 JSON', forbidden()],
  ])('(%s on every account) leaves the session on its account', async (_case, refusal) => {
    await using setting = await Setting.start();
    for (const name of names) await setting.quotaKnown(name);
    let turns = 0;
    const call = functionCallDone('imagegen', { prompt: 'a made-up cat' }, 'image_gen');
    const asksForImage = streams({ events: [created(), call, completed()] });
    everyone(
      setting,
      byModel(() => ((turns += 1) === 1 ? asksForImage : streams())),
    );
    for (const name of names) setting.fakeUpstream.account(name).imagesAlways(refusal);
    const run = await execWith(setting, GENERAL_MODEL, 'draw a cat');
    const [first, second, ...rest] = setting.fakeUpstream.turns();
    expect(run).toMatchObject({ code: 0, stdout: `served by ${first?.account}\n` });
    expect(run.stderr).not.toMatch(RETRIES);
    expect(setting.fakeUpstream.log.filter((it) => it.path.endsWith('/images/generations'))).not.toEqual([]);
    expect(String(second?.body)).toContain('image generation failed');
    expect([second?.account, rest]).toEqual([first?.account, []]);
    expect(await accountsOut(setting)).toEqual([]);
    expect(run.tookMs).toBeLessThan(15_000);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  modelNotFound,
  modelNotSupported,
  modelRefusalShapes,
} from '../../../src/fake-upstream/script/field-refusals.js';
import { failedFirst, refuses } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { FakeClock, HOUR } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectTurnOf,
  free,
  servesAs,
  standing,
  startRanked,
  isServedBy,
} from '../../support/pool/ranked-accounts.js';
import {
  asking,
  everyone,
  expectAllFree,
  inSession,
  refusing,
  startOver,
  turn,
} from '../../support/pool/scope.js';

const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const ofTenMB = {
  error: { code: 'model_not_found', message: "The model 'gpt-image-2' does not exist" },
  padding: 'x'.repeat(10_000_000),
};

const lacking = (model: string, refusal: ScriptedResponse): void => {
  pool.fakeUpstream.account('a').always(refusing(model, refusal)('a'));
};

describe('a model that one account lacks', () => {
  it.each(modelRefusalShapes)('is served by another account for an hour: %s', async (shape) => {
    lacking('gpt-9', modelNotFound('gpt-9', shape));
    const { response, asked } = await turn(pool, asking('gpt-9'));
    expectTurnOf('b', response);
    expect(asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
    expect(await isServedBy(pool, 'b', asking('gpt-9'))).toEqual(['b']);
    clock.advance(HOUR);
    pool.fakeUpstream.account('a').always(servesAs('a'));
    expect(await isServedBy(pool, 'a', asking('gpt-9'))).toEqual(['a']);
  });

  it.each([
    ['in upper case', 'GPT-9'],
    ['in quotes', '"gpt-9"'],
    ['in backticks', '`gpt-9`'],
    ['at the end of a sentence', 'gpt-9.'],
  ])('is recognized %s', async (_case, named) => {
    lacking('gpt-9', refuses(404, { detail: `Model not found ${named}` }));
    expect((await turn(pool, asking('gpt-9'))).asked).toEqual(['a', 'b']);
  });

  it.each([
    ['at the top level', refuses(404, { code: 'model_not_found', message: 'Model not found gpt-9' })],
    ['in detail', refuses(404, { detail: { code: 'model_not_found', message: 'Model not found gpt-9' } })],
    ['as text in error', refuses(404, { error: 'Model not found gpt-9' })],
    ['as error.type', refuses(400, { error: { type: 'model_not_found', message: 'no gpt-9' } })],
    ['without a text', refuses(404, { error: { code: 'model_not_found' } })],
    ['model_not_supported', refuses(400, { error: { code: 'model_not_supported', message: 'gpt-9' } })],
    [
      'model_not_supported_with_chatgpt_account',
      refuses(400, { error: { code: 'model_not_supported_with_chatgpt_account', message: 'gpt-9' } }),
    ],
  ])('is recognized %s', async (_case, refusal) => {
    lacking('gpt-9', refusal);
    expect((await turn(pool, asking('gpt-9'))).asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
  });

  it('is recognized in JSON that is called HTML', async () => {
    const html = { 'content-type': 'text/html' };
    lacking('gpt-9', refuses(404, { detail: 'Model not found gpt-9' }, html));
    expect((await turn(pool, asking('gpt-9'))).asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
  });

  it('takes little room in what is known of an account, although its name has a megabyte', async () => {
    const [known] = pool.registry.list();
    const name = 'x'.repeat(1_000_000);
    everyone(pool, () => refuses(404, { error: { code: 'model_not_found', message: 'no' } }));
    expect((await turn(pool, asking(name))).asked).toEqual(['a', 'b']);
    const { text } = await pool.client.get('/admin/accounts').expect(200);
    expect(text.length).toBeLessThan(100_000);
    expect(JSON.stringify([...(known?.evidence.scopes ?? [])]).length).toBeLessThan(100_000);
  });
});

describe('a model that every account lacks', () => {
  it.each([
    ['404 detail', 404],
    ['400 code', 400],
    ['404 code', 404],
    ['403 code', 403],
    ['400 not supported', 400],
    ['first event', 200],
  ] as const)('results in upstream’s own response: %s', async (shape, status) => {
    everyone(pool, refusing('gpt-9', modelNotFound('gpt-9', shape)));
    const { response, asked } = await turn(pool, asking('gpt-9'));
    expect(asked).toEqual(['a', 'b']);
    expect(response).toMatchObject({ status, isBroken: false });
    expect(response.body.toString()).toContain('gpt-9');
    expect(response.headers).not.toHaveProperty('x-codex-pool-error');
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
  });
});

describe('a refusal that names another model', () => {
  it.each<[string, ScriptedResponse, number]>([
    ['400 not supported', modelNotSupported('gpt-image-2'), 400],
    ['404 detail', modelNotFound('gpt-image-2', '404 detail'), 404],
    ['400 code', modelNotFound('gpt-image-2', '400 code'), 400],
    ['404 code', modelNotFound('gpt-image-2', '404 code'), 404],
    ['first event', modelNotFound('gpt-image-2', 'first event'), 200],
    ['a longer name', modelNotSupported('gpt-5.5-mini'), 400],
    ['a shorter name', modelNotSupported('gpt-5'), 400],
    ['a name that the dot of the model would match', modelNotSupported('gpt-5x5'), 400],
    ['10 MB', refuses(400, ofTenMB), 400],
    ['a message of a first event', failedFirst('model_not_found', "The 'gpt-image-2' model is gone."), 200],
  ])('is passed on and does not count against the turn’s model: %s', async (_case, refusal, status) => {
    const session = inSession(`models-${_case.replaceAll(' ', '-')}`);
    pool.fakeUpstream.account('a').answers(refusal);
    const { response, asked } = await turn(pool, asking('gpt-5.5', session));
    expect(asked).toEqual(['a']);
    expect(response.status).toBe(status);
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5', session))).toEqual(['a']);
    expect(await isServedBy(pool, 'a', asking('gpt-image-2'))).toEqual(['a']);
  });
});

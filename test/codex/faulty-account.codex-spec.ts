import { expect, it } from 'vitest';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import {
  byModel,
  custom,
  dropsConnection,
  failedFirst,
  refuses,
  streams,
} from '../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  edgeBlock,
  forbidden,
  overloaded,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../src/fake-upstream/script/refusals.js';
import {
  completed,
  created,
  framed,
  functionCallDone,
  messageTurn,
} from '../../src/fake-upstream/script/turn-events.js';
import { Setting } from './support/setting.js';

const page = { 'content-type': 'text/html' };
const notSupported = 'This model is not supported when using Codex with a ChatGPT account.';

/** The constant response of the first account, while the second one could serve. */
const faults: [string, ScriptedResponse][] = [
  ['usage limit', usageLimit()],
  ['usage limit as first event', failedFirst('usage_limit_reached')],
  ['bare 429', refuses(429, '')],
  ['429 with a Retry-After', rateLimit(30)],
  ['401', unauthorized()],
  ['402', deactivated()],
  ['403 JSON', forbidden()],
  ['403 HTML', edgeBlock()],
  ['500', refuses(500, { error: { message: 'oops', type: 'server_error' } })],
  ['502 page', refuses(502, '<html>oops</html>', page)],
  ['520 page', refuses(520, '<html>oops</html>', page)],
  ['503 overloaded', overloaded()],
  ['overloaded as first event', failedFirst('server_is_overloaded')],
  ['connection closed', dropsConnection()],
  ['stream closed before its output', streams({ events: [created()], thenCut: true })],
  ['stream reset before its output', streams({ events: [created()], thenReset: true })],
  ['model not supported', refuses(400, { detail: notSupported })],
  ['usage not included', refuses(429, { error: { type: 'usage_not_included', message: 'no' } })],
  ['account suspended', refuses(403, { error: { code: 'account_suspended', message: 'no' } })],
  ['rate limit as first event', failedFirst('rate_limit_exceeded', 'Please try again in 20s.')],
];

/** The responses of a turn (the tool call, then the message) and the accounts that served them. */
interface Served {
  readonly by: string;
  readonly what: 'call' | 'message';
}

it('with one faulty account in each of twenty turns, Codex does not notice', async () => {
  let turn = 0;
  let served: Served[] = [];
  let fault: ScriptedResponse = streams();
  let faultyFrom = 0;
  const serves = (by: string): ScriptedResponse =>
    custom((_req, res, { body }) => {
      const what = body.includes('"function_call_output"') ? 'message' : 'call';
      const args = { cmd: `echo made-${turn}-$((40 + 2))` };
      const call = [created(), functionCallDone('exec_command', args), completed()];
      const events = what === 'call' ? call : messageTurn([`turn ${turn} `, 'by ', by]);
      served.push({ by, what });
      res.writeHead(200);
      res.end(events.map((it) => framed(it)).join(''));
    });
  await using setting = await Setting.start({
    proxyEnv: { PROXY_POLICY: 'fill-first' },
    prepare: (fakeUpstream) => {
      const good = serves('a');
      fakeUpstream.account('a').always(byModel(() => (served.length >= faultyFrom ? fault : good)));
      fakeUpstream.account('b').always(serves('b'));
    },
  });
  for (const name of ['a', 'b']) await setting.quotaKnown(name);
  for (const [what, response] of faults) {
    turn += 1;
    // Alternately before the first response, and between the tool call and its output.
    faultyFrom = turn % 2;
    [fault, served] = [response, []];
    const before = setting.fakeUpstream.attempts().length;
    const run = await setting.exec(
      '--skip-git-repo-check',
      '--sandbox',
      'danger-full-access',
      `count ${turn}`,
    );
    const turns = setting.fakeUpstream.turns().slice(before);
    const [code, stdout] = [run.code, run.stdout];
    const words = /reconnecting|usage limit|unexpected status|retry limit|stream error/i.exec(run.stderr);
    const wasFaulty = turns.filter((it) => it.account === 'a').length > faultyFrom;
    const outputs = String(turns.at(-1)?.body).split(`made-${turn}-42`).length - 1;
    expect({ what, code, stdout, words, served, wasFaulty, outputs }).toEqual({
      what,
      code: 0,
      stdout: `turn ${turn} by b\n`,
      words: null,
      served: [
        { by: faultyFrom === 1 ? 'a' : 'b', what: 'call' },
        { by: 'b', what: 'message' },
      ],
      wasFaulty: true,
      outputs: 1,
    });
    for (const name of ['a', 'b']) {
      const url = `${setting.proxy.origin}/admin/accounts/${name}/reset`;
      expect((await fetch(url, { method: 'POST' })).status).toBe(200);
    }
  }
});

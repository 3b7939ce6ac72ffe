import { setTimeout as pause } from 'node:timers/promises';
import { aTurn } from '../support/pool/pool.js';
import type { BatchKind } from './batch.js';
import { clientCredentials } from './canary.js';
import type { Draw } from './draw.js';
import { type Delivery, piecesOf } from './fuzz-client.js';
import { oddAnswer } from './odd-answers.js';
import { sidePaths, type Plan } from './upstream-plans.js';

const WAIT_MS = 1_500;

/** Upstreams that answer turns, images and side routes with any bytes. */
export const upstreamAnswers: BatchKind = {
  name: "upstream's answers",
  inputs: 40,
  concurrency: 16,
  blamesNoAccount: false,
  make: (draw) => {
    const session = `answer-${draw.whole(0, 1e9)}`;
    const answer = oddAnswer(draw);
    const plan = planOf(draw, answer.bytes);
    const [method, path] = draw.happens(0.6)
      ? (['POST', '/backend-api/codex/responses'] as const)
      : draw.one<readonly [string, string]>([
          ['POST', '/backend-api/codex/images/generations'],
          ...sidePaths,
        ]);
    const isCodex = draw.happens(0.5);
    return {
      title: `${method} ${path}${isCodex ? ' by Codex' : ''}: ${answer.title}; ${plan.title}`,
      run: async (setting) => {
        setting.plans.set(session, plan.plan);
        using client = setting.client();
        await client.write([requestOf(method, path, session, isCodex)]);
        await client.answers([method], 1, WAIT_MS);
        return client.allFindings([method]);
      },
    };
  },
};

function requestOf(method: string, path: string, session: string, isCodex: boolean): Buffer {
  const body = method === 'POST' ? JSON.stringify(aTurn()) : '';
  const fields = {
    host: '127.0.0.1',
    'session-id': session,
    ...clientCredentials,
    ...(isCodex ? { originator: 'codex_exec' } : {}),
    ...(method === 'POST'
      ? { 'content-type': 'application/json', 'content-length': String(body.length) }
      : {}),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function planOf(draw: Draw, bytes: Buffer): { readonly title: string; readonly plan: Plan } {
  const delivery: Delivery = draw.one(['whole', 'whole', 'pieces', 'bytes']);
  const cuts = draw.list(1, 6, () => draw.whole(0, bytes.length));
  const stop = draw.happens(0.75) ? bytes.length : draw.whole(0, bytes.length);
  const pieces = piecesOf(bytes.subarray(0, stop), delivery, cuts);
  const ending = draw.one(['ends', 'ends', 'resets', 'stays'] as const);
  return {
    title: `${delivery}, ${ending} after ${stop} of ${bytes.length} bytes`,
    plan: async ({ socket }) => {
      socket.on('error', () => undefined);
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        if (pieces.length < 10) await pause(1);
      }
      if (ending === 'ends') socket.destroySoon();
      if (ending === 'resets') socket.resetAndDestroy();
      // Well-formed or not: a connection that stays is not used for another request here.
      if (ending === 'stays') setTimeout(() => socket.destroySoon(), WAIT_MS).unref();
    },
  };
}

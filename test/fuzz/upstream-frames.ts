import { setTimeout as pause } from 'node:timers/promises';
import {
  completed,
  created,
  delta,
  failed,
  type TurnEvent,
} from '../../src/fake-upstream/script/turn-events.js';
import { responseCreate } from '../support/clients/codex-socket.js';
import type { BatchKind } from './batch.js';
import { socketFindings } from './client-frames.js';
import type { Draw } from './draw.js';
import { oddError } from './error-envelopes.js';
import { piecesOf, type Delivery } from './fuzz-client.js';
import { oddValue, spoilt } from './odd-json.js';
import { type Frame, frameBytes, oddFrames, textFrame } from './socket-frames.js';
import { acceptance, clientHandshake, oddAcceptance } from './socket-handshakes.js';
import type { Plan } from './upstream-plans.js';

const HANDSHAKE_MS = 1_500;
const WAIT_MS = 800;

/** Upstreams that accept a WebSocket, rightly or not, and then send any frames. */
export const upstreamFrames: BatchKind = {
  name: "upstream's frames",
  inputs: 32,
  concurrency: 16,
  blamesNoAccount: false,
  make: (draw) => {
    const session = `upstream-${draw.whole(0, 1e9)}`;
    const { title, plan } = planOf(draw);
    const deflates = draw.happens(0.3);
    return {
      title,
      run: async (setting) => {
        setting.plans.set(session, plan);
        using client = setting.client();
        await client.write([clientHandshake(session, '/v1/responses', deflates)]);
        await client.answers(['GET'], 1, HANDSHAKE_MS);
        await client.write([frameBytes(textFrame(responseCreate(session)), true)]);
        await client.until(() => client.got.includes('response.completed'), WAIT_MS);
        return [...client.allFindings(['GET']), ...socketFindings(client)];
      },
    };
  },
};

function planOf(draw: Draw): { readonly title: string; readonly plan: Plan } {
  const isOddAcceptance = draw.happens(0.2);
  const { title, frames } = sendingOf(draw);
  const bytes = Buffer.concat(frames.map((it) => frameBytes(it, draw.happens(0.03))));
  const delivery: Delivery = draw.one(['whole', 'pieces', 'bytes']);
  const cuts = draw.list(1, 5, () => draw.whole(0, bytes.length));
  const pieces = piecesOf(
    draw.happens(0.8) ? bytes : bytes.subarray(0, draw.whole(0, bytes.length)),
    delivery,
    cuts,
  );
  const ending = draw.one(['stays', 'ends', 'resets', 'destroys'] as const);
  const isEager = draw.happens(0.15);
  return {
    title: [
      isOddAcceptance ? 'an odd acceptance' : 'accepts',
      title,
      delivery,
      ending,
      isEager ? 'at once' : '',
    ].join(', '),
    plan: async ({ headers, socket }) => {
      socket.on('error', () => undefined);
      socket.resume(); // otherwise the end of the connection would go unnoticed
      const key = headers['sec-websocket-key'] ?? '';
      socket.write(isOddAcceptance ? oddAcceptance(draw.fork(1), key) : acceptance(key), 'latin1');
      if (!isEager) {
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.once('data', () => resolve());
        socket.once('close', () => resolve());
        await promise;
      }
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        if (pieces.length < 10) await pause(1);
      }
      if (ending === 'ends') socket.end();
      if (ending === 'destroys') socket.destroySoon();
      if (ending === 'resets') socket.resetAndDestroy();
    },
  };
}

function sendingOf(draw: Draw): { readonly title: string; readonly frames: readonly Frame[] } {
  const turn: readonly [TurnEvent, ...TurnEvent[]] = [
    created('resp_fuzz'),
    delta('x'),
    completed(undefined, 'resp_fuzz'),
  ];
  if (draw.happens(0.45)) {
    const events = [
      ...draw.list(0, 2, () => spoilt(draw, draw.one(turn))),
      draw.one<() => object>([
        () => failed('x', 'x', spoilt(draw, { plan_type: 'plus', resets_at: 1 })),
        () => ({
          type: 'error',
          status: draw.one([401, 429, 500, -1, '429', null, 1e9]),
          error: oddError(draw),
        }),
        () => ({ type: 'response.failed', response: oddValue(draw) }),
        () => ({ type: 'codex.rate_limits', rate_limits: oddValue(draw), credits: oddValue(draw) }),
        () => ({ type: 'response.metadata', headers: oddValue(draw) }),
        () =>
          spoilt(draw, { type: 'response.completed', response: { id: 'resp_fuzz', usage: oddValue(draw) } }),
        () => ({ type: oddValue(draw, 0) }),
      ])(),
      ...(draw.happens(0.5) ? turn : []),
    ];
    return {
      title: `odd events: ${JSON.stringify(events).slice(0, 300)}`,
      frames: events.map((it) => textFrame(it)),
    };
  }
  const before = draw.happens(0.5) ? turn.slice(0, draw.whole(0, 3)) : [];
  const odd = draw.list(1, 3, () => oddFrames(draw, Buffer.from(JSON.stringify(delta('x')))));
  return {
    title: [`${before.length} events`, ...odd.map((it) => it.title)].join(', '),
    frames: [...before.map((it) => textFrame(it)), ...odd.flatMap((it) => it.frames)],
  };
}

import {
  completed,
  created,
  delta,
  failed,
  incomplete,
  messageAdded,
} from '../../src/fake-upstream/script/turn-events.js';
import type { Draw } from './draw.js';
import { oddError } from './error-envelopes.js';
import { oddText, oddValue, spoilt } from './odd-json.js';

/** An event stream whose lines, fields or JSON are odd. */
export function oddEvents(draw: Draw): { readonly title: string; readonly bytes: Buffer } {
  const events = draw.list(1, 6, () => oddEvent(draw));
  const end = draw.one(['\n', '\r\n', '\r', '\n\n', '']);
  const start = draw.one([
    '',
    '',
    '\ufeff',
    '\n\n\n',
    ': a comment\n\n',
    ':\n'.repeat(3_000),
    ' ',
    'retry: x\n',
    'id: \u0000\n',
  ]);
  const parts = events.map((it) => Buffer.concat([it, Buffer.from(end + end)]));
  const isLong = draw.happens(0.1);
  const long = isLong ? [Buffer.from(`data: ${'x'.repeat(draw.size(10_000, 3_000_000))}${end}${end}`)] : [];
  return {
    title: `${JSON.stringify(start.slice(0, 5))} ${events.map((it) => it.subarray(0, 120).toString('latin1')).join(' ‖ ')}${isLong ? ', a long event' : ''}`,
    bytes: Buffer.concat([Buffer.from(start), ...long, ...parts]),
  };
}

function oddEvent(draw: Draw): Buffer {
  const event = draw.one<() => Record<string, unknown> & { type?: unknown }>([
    () => created(),
    () => messageAdded(),
    () => delta('x'),
    () => completed(),
    () => incomplete('x'),
    () => spoilt(draw, { ...completed() }),
    () => spoilt(draw, { ...created() }),
    () => ({ type: 'response.completed', response: { id: oddValue(draw, 0), usage: oddUsage(draw) } }),
    () => ({ ...failed('x'), response: { error: oddError(draw) } }),
    () => ({ type: 'response.failed', response: oddValue(draw) }),
    () => ({ type: 'error', error: oddError(draw), status: oddValue(draw, 0) }),
    () => ({ type: 'error', code: oddValue(draw, 0), message: oddValue(draw, 0) }),
    () => ({ type: 'codex.rate_limits', rate_limits: oddValue(draw) }),
    () => ({ type: oddValue(draw) }),
  ])();
  const data = draw.happens(0.8) ? Buffer.from(JSON.stringify(event)) : oddText(draw, event);
  const name = draw.happens(0.8)
    ? (JSON.stringify(event.type) ?? '').slice(0, 200)
    : draw.one(['', 'x', 'response.completed', 'error']);
  const prefix = draw.one([
    `event: ${name}\ndata: `,
    `event: ${name}\ndata: `,
    'data: ',
    `event: ${name}`,
    `event:${name}\ndata:`,
    'data\ndata',
    ' event: x\n data: ',
  ]);
  const cut = draw.happens(0.1) ? 10 : data.length;
  const rest = cut < data.length ? [Buffer.from('\ndata: '), data.subarray(cut)] : [];
  return Buffer.concat([Buffer.from(prefix), data.subarray(0, cut), ...rest]);
}

function oddUsage(draw: Draw): unknown {
  return spoilt(draw, {
    input_tokens: draw.one([-1, 1.5, 1e300, '5', null]),
    input_tokens_details: draw.one<unknown>([{ cached_tokens: -5 }, null, 'x', []]),
    output_tokens: draw.one([Number.MAX_SAFE_INTEGER, -0, true]),
    total_tokens: 1,
  });
}

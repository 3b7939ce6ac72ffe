import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScriptedResponse, StreamResponse, StreamStep, TurnFacts } from '../script/scripted-response.js';
import type { Exchange } from './exchange.js';
import { framed } from '../script/turn-events.js';

/** Header fields that go with every streamed turn of an account. */
export type TurnHeaders = Readonly<Record<string, string>>;

/** Writes an answer on the socket; returns when the answer has ended, or the other side is gone. */
export async function writeResponse(
  answer: ScriptedResponse,
  exchange: Exchange,
  facts: TurnFacts,
  turnHeaders: TurnHeaders,
): Promise<void> {
  if (exchange.isOver) return;
  switch (answer.kind) {
    case 'stream':
      return writeStream(answer, exchange, facts, turnHeaders);
    case 'whole': {
      const length = { 'content-length': String(answer.body.length) };
      exchange.res.writeHead(answer.status, { 'x-request-id': randomUUID(), ...length, ...answer.headers });
      exchange.res.end(answer.body);
      return;
    }
    case 'drop':
      return exchange.cut();
    case 'wait':
      await exchange.unlessClosed(answer.until);
      return writeResponse(answer.answer, exchange, facts, turnHeaders);
    case 'by-model':
      return writeResponse(answer.choose(facts.model), exchange, facts, turnHeaders);
    case 'custom':
      return answer.handle(exchange.req, exchange.res, exchange.logged);
    default:
      return answer satisfies never;
  }
}

/** As the backend does, without a content type (docs/protocol.md, section 3). */
async function writeStream(
  answer: StreamResponse,
  exchange: Exchange,
  facts: TurnFacts,
  turnHeaders: TurnHeaders,
): Promise<void> {
  const { res } = exchange;
  res.writeHead(200, {
    'cache-control': 'no-cache',
    'x-request-id': randomUUID(),
    'openai-processing-ms': '12',
    ...(facts.model === null ? {} : { 'openai-model': facts.model }),
    ...turnHeaders,
    ...answer.headers,
  });
  res.flushHeaders();
  let isFirst = true;
  for await (const step of answer.steps(facts)) {
    if (!isFirst && answer.pauseBetweenMs > 0) await exchange.unlessClosed(pause(answer.pauseBetweenMs));
    isFirst = false;
    await writeStep(step, exchange, answer.lineEnding);
    if (exchange.isOver) return;
  }
  await endStream(answer, exchange);
}

async function writeStep(step: StreamStep, exchange: Exchange, lineEnding: '\n' | '\r\n'): Promise<void> {
  if ('gate' in step && step.gate instanceof Promise) return exchange.unlessClosed(step.gate);
  if ('bytes' in step && Buffer.isBuffer(step.bytes)) return exchange.write(step.bytes);
  if ('comment' in step) return exchange.write(`: ${String(step.comment)}${lineEnding}${lineEnding}`);
  if ('type' in step) return exchange.write(framed(step, lineEnding));
}

async function endStream(answer: StreamResponse, exchange: Exchange): Promise<void> {
  switch (answer.ending) {
    case 'end':
      exchange.res.end();
      return;
    case 'cut':
      return exchange.cut();
    case 'reset':
      return exchange.reset();
    case 'hang':
      return exchange.closed;
    default:
      return answer.ending satisfies never;
  }
}

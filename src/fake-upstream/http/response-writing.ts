import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScriptedResponse, StreamResponse, StreamStep, TurnFacts } from '../script/scripted-response.js';
import type { Exchange } from './exchange.js';
import { framed } from '../script/turn-events.js';

/** The backend ends the body of a turn some time after its final event (docs/protocol.md, section 3). */
const END_AFTER_FINAL_EVENT_MS = 30;

/** Header fields of every streamed turn of an account. */
export type TurnHeaders = Readonly<Record<string, string>>;

/** Writes a response; resolves when it has ended or the client has disconnected. */
export async function writeResponse(
  response: ScriptedResponse,
  exchange: Exchange,
  facts: TurnFacts,
  turnHeaders: TurnHeaders,
): Promise<void> {
  if (exchange.isOver) return;
  switch (response.kind) {
    case 'stream':
      return writeStream(response, exchange, facts, turnHeaders);
    case 'whole': {
      const length = { 'content-length': String(response.body.length) };
      exchange.res.writeHead(response.status, {
        'x-request-id': randomUUID(),
        ...length,
        ...response.headers,
      });
      exchange.res.end(response.body);
      return;
    }
    case 'drop':
      return exchange.cut();
    case 'wait':
      await exchange.unlessClosed(response.until);
      return writeResponse(response.response, exchange, facts, turnHeaders);
    case 'by-model':
      return writeResponse(response.choose(facts.model), exchange, facts, turnHeaders);
    case 'custom':
      return response.handle(exchange.req, exchange.res, exchange.logged);
    default:
      return response satisfies never;
  }
}

/** Streams without a content type, as the backend does (docs/protocol.md, section 3). */
async function writeStream(
  response: StreamResponse,
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
    ...response.headers,
  });
  res.flushHeaders();
  let isFirst = true;
  let isFinal = false;
  for await (const step of response.steps(facts)) {
    if (!isFirst && response.pauseBetweenMs > 0) await exchange.unlessClosed(pause(response.pauseBetweenMs));
    isFirst = false;
    await writeStep(step, exchange, response.lineEnding);
    if (exchange.isOver) return;
    isFinal = 'type' in step && step.type === 'response.completed';
  }
  if (isFinal && response.ending === 'end') await exchange.unlessClosed(pause(END_AFTER_FINAL_EVENT_MS));
  await endStream(response, exchange);
}

async function writeStep(step: StreamStep, exchange: Exchange, lineEnding: '\n' | '\r\n'): Promise<void> {
  if ('gate' in step && step.gate instanceof Promise) return exchange.unlessClosed(step.gate);
  if ('bytes' in step && Buffer.isBuffer(step.bytes)) return exchange.write(step.bytes);
  if ('comment' in step) return exchange.write(`: ${String(step.comment)}${lineEnding}${lineEnding}`);
  if ('type' in step) return exchange.write(framed(step, lineEnding));
}

async function endStream(response: StreamResponse, exchange: Exchange): Promise<void> {
  switch (response.ending) {
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
      return response.ending satisfies never;
  }
}

import { operatorLimits } from '../../src/config/operator-limits.js';
import { describeError } from '../../src/runtime/pool-error.js';
import { eventually } from '../support/eventually.js';
import { readAnswers } from './answers.js';
import type { BatchKind, FuzzInput } from './batch.js';
import type { Draw } from './draw.js';
import type { FuzzClient } from './fuzz-client.js';
import { operatorFindings } from './operator-findings.js';
import { eventIdField } from './odd-event-ids.js';
import type { Setting } from './setting.js';

const LIMIT_MS = 5_000;
const MOST = operatorLimits.eventListeners;

type Leaving = 'reset' | 'close' | 'half-close' | 'pipelined';

/** Crowds of listeners to the live events: too many, some that never read, and all that leave in different ways. */
export const eventListeners: BatchKind = {
  name: 'event listeners',
  inputs: 8,
  concurrency: 1, // each counts the listeners
  blamesNoAccount: true,
  make: inputOf,
};

interface Listener {
  readonly head: string;
  readonly isReading: boolean;
  readonly leaving: Leaving;
}

function inputOf(draw: Draw): FuzzInput {
  const listeners = draw.list(1, MOST + 15, () => listenerOf(draw));
  const silent = listeners.filter((it) => !it.isReading).length;
  const turns = draw.whole(0, 3);
  return {
    title: `${listeners.length} listeners, ${silent} never read, ${turns} turns; ${[...new Set(listeners.map((it) => it.leaving))].join(', ')}; ${listeners[0]?.head.slice(0, 200)}`,
    run: async (setting) => {
      const clients = listeners.map(() => setting.client());
      try {
        return await crowd(setting, listeners, clients, turns);
      } finally {
        for (const it of clients) it[Symbol.dispose]();
      }
    },
  };
}

function listenerOf(draw: Draw): Listener {
  const fields = ['host: 127.0.0.1', ...(draw.happens(0.5) ? [eventIdField(draw)] : [])];
  return {
    head: `GET /admin/events HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`,
    isReading: draw.happens(0.8),
    leaving: draw.one(['reset', 'close', 'half-close', 'pipelined'] as const),
  };
}

/** Opens all, serves some turns, lets all leave. Exactly so many as may listen do, and then a new one does. */
async function crowd(
  setting: Setting,
  listeners: readonly Listener[],
  clients: readonly FuzzClient[],
  turns: number,
): Promise<string[]> {
  for (const [index, client] of clients.entries()) {
    const head = listeners[index]?.head ?? '';
    await client.write([Buffer.from(head, 'latin1')]);
    await client.until(() => hasEvent(client) || isRefused(client), LIMIT_MS);
    if (listeners[index]?.isReading !== true) client.pause();
  }
  const findings = clients.flatMap((it) => operatorFindings(it.got, 'GET', true));
  const listening = clients.filter(hasEvent).length;
  const wanted = Math.min(MOST, clients.length);
  if (listening !== wanted) findings.push(`${listening} of ${clients.length} listen, not ${wanted}`);
  for (let i = 0; i < turns; i += 1) {
    const unserved = await setting.goodTurn();
    if (unserved !== null) findings.push(unserved);
  }
  for (const [index, client] of clients.entries()) {
    const leaving = listeners[index]?.leaving ?? 'close';
    if (leaving === 'pipelined')
      await client.write([Buffer.from('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')], 'close');
    else await client.write([], leaving);
  }
  return [...findings, ...clients.flatMap((it) => [...it.findings]), ...(await mayAllListen(setting))];
}

/** Why not as many as may listen do, after all have left; nothing if they may. */
async function mayAllListen(setting: Setting): Promise<string[]> {
  const clients: FuzzClient[] = [];
  const oneMore = async (): Promise<string | null> => {
    const client = setting.client();
    clients.push(client);
    await client.write([Buffer.from('GET /admin/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')]);
    await client.until(() => hasEvent(client) || isRefused(client), LIMIT_MS);
    const listening = clients.filter(hasEvent).length;
    return listening === MOST ? null : `only ${listening} may listen after all others have left`;
  };
  try {
    await eventually(oneMore, LIMIT_MS);
    return [];
  } catch (error) {
    return [describeError(error)];
  } finally {
    for (const it of clients) it[Symbol.dispose]();
  }
}

const hasEvent = ({ got }: FuzzClient): boolean => got.includes('text/event-stream') && got.includes('\n\n');

function isRefused({ got }: FuzzClient): boolean {
  const { answers, fault } = readAnswers(got, ['GET']);
  const [answer] = answers;
  return fault !== null || (answer?.isWhole === true && answer.status >= 400);
}

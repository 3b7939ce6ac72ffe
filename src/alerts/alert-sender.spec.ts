import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { AlertReceiver } from '../../test/support/network/alert-receiver.js';
import { CapturingLogger } from '../../test/support/pool/capturing-logger.js';
import type { Alert } from './alert.js';
import { AlertSender } from './alert-sender.js';

let receiver: AlertReceiver;
let sender: AlertSender;
let logger: CapturingLogger;

beforeEach(async () => {
  receiver = await AlertReceiver.start();
  logger = new CapturingLogger();
  Logger.overrideLogger(logger);
  sender = new AlertSender(new OutboundHttpClient(loadConfig({}).egress), { current: new URL(receiver.url) });
});
afterEach(async () => await receiver[Symbol.asyncDispose]());

const anAlert = (sentence: string): Alert => ({
  event: 'pool-back',
  at: 1_900_000_000_000,
  account: null,
  sentence,
  version: '1.2.3',
});
const sentences = () => receiver.alerts.map((it) => it.sentence);
const warnings = () => logger.lines.filter((it) => it.includes('could not be delivered'));

describe('AlertSender', () => {
  it('sends all that wait, in order', async () => {
    for (const it of ['one', 'two', 'three']) sender.enqueue(anAlert(it));
    await sender.tick();
    expect(sentences()).toEqual(['one', 'two', 'three']);
    expect(logger.lines).toEqual([]);
  });

  it('keeps a bounded number; the oldest is dropped first', async () => {
    for (let it = 0; it < limits.queuedAlerts + 2; it += 1) sender.enqueue(anAlert(`${it}`));
    await sender.tick();
    expect(sentences()).toHaveLength(limits.queuedAlerts);
    expect(sentences()[0]).toBe('2');
  });

  it('tries again after growing pauses, gives up after a few tries, and logs the first failure only', async () => {
    receiver.responds = (res) => void res.writeHead(500).end();
    sender.enqueue(anAlert('refused'));
    const triedAt: number[] = [];
    for (let tick = 0; tick < 200; tick += 1) {
      const before = receiver.texts.length;
      await sender.tick();
      if (receiver.texts.length > before) triedAt.push(tick);
    }
    expect(triedAt).toHaveLength(limits.alertTries);
    expect(triedAt.slice(1).map((it, index) => it - (triedAt[index] ?? 0))).toEqual([3, 5, 9, 17]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain('status 500');
    expect(warnings()[0]).not.toContain('made-up-secret-path');
    receiver.responds = (res) => void res.writeHead(200).end('ok');
    sender.enqueue(anAlert('taken'));
    await sender.tick();
    expect(sentences().at(-1)).toBe('taken');
    expect(logger.lines.at(-1)).toContain('delivered again');
  });

  it('sends each alert once, even if ticks come while one is being sent', async () => {
    sender.enqueue(anAlert('one'));
    await Promise.all([sender.tick(), sender.tick(), sender.tick()]);
    expect(sentences()).toEqual(['one']);
  });
});

import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { FakeClock, SECOND } from '../../../test/support/fake-clock.js';
import { limits } from '../../config/limits.js';
import { SilentRequests } from './silent-requests.js';

describe('a silent request', () => {
  it.each([
    ['is given up', false, 1],
    ['is kept if bytes arrive while the probe runs', true, 0],
  ])('%s', async (_what, arrives, times) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const asked = once(server, 'request');
    const request = get({ port: typeof address === 'object' ? address?.port : 0 });
    request.on('error', () => undefined);
    const [, response]: [unknown, ServerResponse] = await asked.then(([req, res]) => [req, res]);
    const clock = new FakeClock();
    const silent = new SilentRequests(clock);
    const probe = Promise.withResolvers<boolean>();
    let givenUp = 0;
    silent.watch(
      request,
      async () => await probe.promise,
      () => (givenUp += 1),
    );
    clock.advance(limits.silentMs + SECOND);
    silent.check();
    if (arrives) {
      response.writeProcessing();
      await once(request, 'information');
    }
    probe.resolve(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(givenUp).toBe(times);
    request.destroy();
    server.close();
  });
});

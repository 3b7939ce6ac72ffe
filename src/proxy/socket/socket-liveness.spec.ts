import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FakeClock } from '../../../test/support/fake-clock.js';
import { NetworkDetector, systemAddresses } from '../../runtime/network-detector.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import { SocketLiveness } from './socket-liveness.js';

const [own] = [...systemAddresses()].filter((it) => it.includes('.'));

describe('SocketLiveness', () => {
  it.runIf(own !== undefined)('terminates a socket whose own address the machine has lost', async () => {
    const server = new WebSocketServer({ host: own, port: 0 });
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    let addresses = systemAddresses();
    const clock = new FakeClock();
    const network = new NetworkDetector(clock, () => addresses, new SuspendDetector(clock));
    const liveness = new SocketLiveness(clock, network);
    network.onApplicationBootstrap();
    const socket = new WebSocket(`ws://${own}:${port}`);
    const opened = once(socket, 'open');
    const [response] = await once(socket, 'upgrade');
    await opened;
    liveness.watch(socket, response.socket);
    const closed = once(socket, 'close');
    addresses = new Set([...addresses, '192.0.2.99']);
    clock.tick();
    expect(socket.readyState).toBe(WebSocket.OPEN);
    addresses = new Set(['192.0.2.99']);
    clock.tick();
    const [code] = await closed;
    expect(code).toBe(1006);
    network.onModuleDestroy();
    server.close();
  });
});

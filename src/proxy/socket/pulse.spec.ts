import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { nextPulse, type Pulse } from './pulse.js';

const { socketPingMs, socketPongMs } = limits;
const alive: Pulse = { kind: 'alive', since: 0 };
const owing: Pulse = { kind: 'owing', since: 0, bytes: 10 };
const at = (now: number, bytes = 10, isPaused = false) => ({ now, bytes, isPaused });

describe('the pulse of a WebSocket', () => {
  it.each<[string, Pulse, ReturnType<typeof at>, Pulse]>([
    ['is not asked for before its time', alive, at(socketPingMs - 1), alive],
    ['is asked for every 30 s', alive, at(socketPingMs), { ...owing, since: socketPingMs }],
    [
      'is asked for although bytes arrive',
      alive,
      at(socketPingMs, 99),
      { ...owing, since: socketPingMs, bytes: 99 },
    ],
    ['is not asked for while the socket is not read', alive, at(socketPingMs, 10, true), alive],
    ['may be owed for a while', owing, at(socketPongMs - 1), owing],
    ['ends when it was owed too long', owing, at(socketPongMs), { kind: 'dead' }],
    ['is proved by any byte after the ping', owing, at(1, 11), alive],
    [
      'is proved by a byte at the last moment, and asked for again',
      owing,
      at(socketPongMs, 11),
      { kind: 'owing', since: socketPongMs, bytes: 11 },
    ],
    [
      'is not owed while the socket is not read',
      owing,
      at(socketPongMs, 10, true),
      { kind: 'alive', since: socketPongMs },
    ],
    ['does not return', { kind: 'dead' }, at(1, 99), { kind: 'dead' }],
  ])('%s', (_what, before, facts, after) => {
    expect(nextPulse(before, facts)).toEqual(after);
  });
});

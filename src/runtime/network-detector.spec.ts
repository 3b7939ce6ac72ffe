import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.js';
import { hasLeft, isLinkLocal, NetworkDetector, systemAddresses } from './network-detector.js';
import { SuspendDetector } from './suspend-detector.js';

describe('hasLeft', () => {
  const now = new Set(['192.0.2.7', '2001:db8::7']);
  it.each<[string | undefined, boolean]>([
    ['192.0.2.7', false],
    ['::ffff:192.0.2.7', false],
    ['2001:db8::7', false],
    ['192.0.2.8', true],
    ['::ffff:192.0.2.8', true],
    ['2001:db8::8', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['::ffff:127.0.0.1', false],
    ['fe80::1', false],
    [undefined, false],
  ])('of %s is %s', (local, expected) => {
    expect(hasLeft(local, now)).toBe(expected);
  });

  it('is false while the addresses are unknown', () => {
    expect(hasLeft('192.0.2.8', new Set())).toBe(false);
  });
});

it.each([
  ['169.254.10.1', true],
  ['fe80::1', true],
  ['FEBF::1', true],
  ['fec0::1', false],
  ['169.25.4.1', false],
])('isLinkLocal of %s is %s', (address, expected) => {
  expect(isLinkLocal(address)).toBe(expected);
});

it('reads no loopback address from the operating system', () => {
  for (const it of systemAddresses()) expect(it).not.toMatch(/^(?:127\.|::1$|fe80)/);
});

describe('NetworkDetector', () => {
  it('notifies its watchers once per change, in whatever order the addresses come', () => {
    let addresses = ['192.0.2.7', '2001:db8::7'];
    const clock = new FakeClock();
    const detector = new NetworkDetector(clock, () => new Set(addresses), new SuspendDetector(clock));
    detector.onApplicationBootstrap();
    const seen: string[][] = [];
    detector.onChange((now) => seen.push([...now]));
    clock.tick();
    addresses = ['2001:db8::7', '192.0.2.7'];
    clock.tick();
    expect(seen).toEqual([]);
    addresses = ['192.0.2.9', '2001:db8::7'];
    clock.tick();
    clock.tick();
    expect(seen).toEqual([addresses]);
    addresses = ['192.0.2.9'];
    clock.tick();
    addresses = [];
    clock.tick();
    addresses = ['192.0.2.9'];
    clock.tick();
    expect(seen.slice(1)).toEqual([['192.0.2.9'], [], ['192.0.2.9']]);
    detector.onModuleDestroy();
    addresses = ['192.0.2.10'];
    clock.tick();
    expect(seen).toHaveLength(4);
  });
});

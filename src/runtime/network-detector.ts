import { networkInterfaces } from 'node:os';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CLOCK, type Clock } from './clock.js';
import { isLoopbackName } from './loopback.js';
import { SuspendDetector } from './suspend-detector.js';

/** How often the addresses are compared. */
const TICK_MS = 2_000;

/** Returns the addresses of this machine, loopback and link-local ones apart. */
export type HostAddresses = () => ReadonlySet<string>;

export const HOST_ADDRESSES = Symbol('HostAddresses');

/** Reads the addresses from the operating system. Empty where it does not report them. */
export const systemAddresses: HostAddresses = () => {
  try {
    const all = Object.values(networkInterfaces()).flatMap((it) => it ?? []);
    return new Set(
      all.filter((it) => !it.internal && !isLinkLocal(it.address)).map(({ address }) => address),
    );
  } catch {
    return new Set();
  }
};

/** Returns whether an address holds on one link only (RFC 3927, RFC 4291 2.5.6): no route to upstream uses it. */
export function isLinkLocal(address: string): boolean {
  return /^(?:169\.254\.|fe[89ab])/i.test(address);
}

/**
 * Returns whether a connection from this local address is dead for certain, because the machine no longer has the
 * address. `now`: the machine's addresses; empty if they are unknown.
 */
export function hasLeft(local: string | undefined, now: ReadonlySet<string>): boolean {
  const address = local?.replace(/^::ffff:/i, '');
  if (address === undefined || now.size === 0 || isLoopbackName(address) || isLinkLocal(address))
    return false;
  return !now.has(address);
}

/** Detects that the machine's addresses have changed, and notifies its watchers: old connections may be dead. */
@Injectable()
export class NetworkDetector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(NetworkDetector.name);
  private readonly watchers: ((addresses: ReadonlySet<string>) => void)[] = [];
  private known: ReadonlySet<string>;
  private ticking: Disposable | null = null;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(HOST_ADDRESSES) private readonly addresses: HostAddresses,
    private readonly suspends: SuspendDetector,
  ) {
    this.known = addresses();
  }

  onApplicationBootstrap(): void {
    this.ticking = this.clock.every?.(TICK_MS, () => this.tick()) ?? null;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  /** Calls back after each change, with the new addresses. */
  onChange(watcher: (addresses: ReadonlySet<string>) => void): void {
    this.watchers.push(watcher);
  }

  private tick(): void {
    const now = this.addresses();
    if (now.size === this.known.size && [...this.known].every((it) => now.has(it))) return;
    this.known = now;
    this.logger.log('the addresses of this machine have changed');
    this.suspends.interrupted();
    for (const watcher of this.watchers) watcher(now);
  }
}

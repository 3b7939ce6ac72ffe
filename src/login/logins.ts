import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { isOpen, type LoginEvent, type LoginWait, nextLoginState } from './login-state.js';
import type { Login } from './login.js';
import { TooManyLoginsError } from './login.errors.js';

interface Kept {
  readonly login: Login;
  /** What the login needs while it is open. */
  readonly hold: Disposable | null;
}

/** The logins of now and the last ones that ended. While one is open, it is looked after at intervals. */
@Injectable()
export class Logins implements OnModuleDestroy {
  /** Oldest first. */
  private readonly kept = new Map<string, Kept>();
  private readonly watchers: (() => void)[] = [];
  private ticking: Disposable | null = null;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Calls back at intervals as long as a login is open. */
  onTick(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** @throws TooManyLoginsError when all that can be remembered are open. */
  makeRoom(): void {
    this.sweep();
    if (this.kept.size < limits.logins) return;
    const ended = [...this.kept.values()].find(({ login }) => !isOpen(login.state));
    if (ended === undefined) throw new TooManyLoginsError();
    this.kept.delete(ended.login.id);
  }

  /**
   * A new login that waits; `hold` is given back when it has ended.
   * @throws TooManyLoginsError
   */
  add(wait: LoginWait, name: string | null, hold: Disposable | null): Login {
    this.makeRoom();
    const startedAt = this.clock.now();
    const expiresAt = startedAt + limits.loginMs;
    const state = { kind: 'waiting', wait, until: expiresAt } as const;
    const login: Login = { id: randomUUID(), kind: wait.kind, name, startedAt, expiresAt, state };
    this.kept.set(login.id, { login, hold });
    this.ticking ??= this.clock.every?.(limits.loginTickMs, () => this.tick()) ?? null;
    return login;
  }

  find(id: string): Login | null {
    this.sweep();
    return this.kept.get(id)?.login ?? null;
  }

  /** Those that wait for a person in this way. */
  waiting<Kind extends LoginWait['kind']>(kind: Kind): [Login, LoginWait & { kind: Kind }][] {
    this.sweep();
    return [...this.kept.values()].flatMap(({ login }) => {
      const wait = login.state.kind === 'waiting' ? login.state.wait : null;
      return wait !== null && isOfKind(wait, kind) ? [[login, wait]] : [];
    });
  }

  /** Moves a login to its next state, and gives back what it held when that is its end. */
  change(login: Login, event: LoginEvent): Login {
    const kept = this.kept.get(login.id);
    if (kept === undefined) return login;
    const state = nextLoginState(kept.login.state, event);
    if (state === kept.login.state) return kept.login;
    const next = { ...kept.login, state };
    const hasEnded = !isOpen(state);
    this.kept.set(login.id, { login: next, hold: hasEnded ? null : kept.hold });
    if (hasEnded) kept.hold?.[Symbol.dispose]();
    return next;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  private tick(): void {
    this.sweep();
    for (const watcher of this.watchers) watcher();
    if ([...this.kept.values()].some(({ login }) => isOpen(login.state))) return;
    this.ticking?.[Symbol.dispose]();
    this.ticking = null;
  }

  private sweep(): void {
    const now = this.clock.now();
    for (const { login } of this.kept.values()) this.change(login, { kind: 'time-passed', now });
  }
}

function isOfKind<Kind extends LoginWait['kind']>(
  wait: LoginWait,
  kind: Kind,
): wait is LoginWait & { kind: Kind } {
  return wait.kind === kind;
}

import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { isOpen, type LoginEvent, type LoginWait, nextLoginState } from './login-state.js';
import type { Login } from './login.js';
import { TooManyLoginsError } from './login.errors.js';

interface Entry {
  readonly login: Login;
  /** Disposed when the login ends. */
  readonly hold: Disposable | null;
}

/** Holds open logins and the most recently ended ones. */
@Injectable()
export class Logins implements OnModuleDestroy {
  /** Oldest first. */
  private readonly entries = new Map<string, Entry>();
  private readonly watchers: (() => void)[] = [];
  private ticking: Disposable | null = null;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Calls back at intervals while a login is open. */
  onTick(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** @throws TooManyLoginsError when all slots hold open logins */
  makeRoom(): void {
    this.sweep();
    if (this.entries.size < limits.logins) return;
    const ended = [...this.entries.values()].find(({ login }) => !isOpen(login.state));
    if (ended === undefined) throw new TooManyLoginsError();
    this.entries.delete(ended.login.id);
  }

  /**
   * Adds a waiting login; `hold` is disposed when it ends.
   * @throws TooManyLoginsError
   */
  add(wait: LoginWait, name: string | null, hold: Disposable | null): Login {
    this.makeRoom();
    const startedAt = this.clock.now();
    const expiresAt = startedAt + limits.loginMs;
    const state = { kind: 'waiting', wait, until: expiresAt } as const;
    const login: Login = { id: randomUUID(), kind: wait.kind, name, startedAt, expiresAt, state };
    this.entries.set(login.id, { login, hold });
    this.ticking ??= this.clock.every?.(limits.loginTickMs, () => this.tick()) ?? null;
    return login;
  }

  /** Returns all logins, newest first. */
  list(): Login[] {
    this.sweep();
    return [...this.entries.values()].map((it) => it.login).toReversed();
  }

  find(id: string): Login | null {
    this.sweep();
    return this.entries.get(id)?.login ?? null;
  }

  /** Returns the logins that wait for the user in this way. */
  waiting<Kind extends LoginWait['kind']>(kind: Kind): [Login, LoginWait & { kind: Kind }][] {
    this.sweep();
    return [...this.entries.values()].flatMap(({ login }) => {
      const wait = login.state.kind === 'waiting' ? login.state.wait : null;
      return wait !== null && isOfKind(wait, kind) ? [[login, wait]] : [];
    });
  }

  /** Moves a login to its next state; disposes its hold if it has ended. */
  change(login: Login, event: LoginEvent): Login {
    const entry = this.entries.get(login.id);
    if (entry === undefined) return login;
    const state = nextLoginState(entry.login.state, event);
    if (state === entry.login.state) return entry.login;
    const next = { ...entry.login, state };
    const hasEnded = !isOpen(state);
    this.entries.set(login.id, { login: next, hold: hasEnded ? null : entry.hold });
    if (hasEnded) entry.hold?.[Symbol.dispose]();
    return next;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  private tick(): void {
    this.sweep();
    for (const watcher of this.watchers) watcher();
    if ([...this.entries.values()].some(({ login }) => isOpen(login.state))) return;
    this.ticking?.[Symbol.dispose]();
    this.ticking = null;
  }

  private sweep(): void {
    const now = this.clock.now();
    for (const { login } of this.entries.values()) this.change(login, { kind: 'time-passed', now });
  }
}

function isOfKind<Kind extends LoginWait['kind']>(
  wait: LoginWait,
  kind: Kind,
): wait is LoginWait & { kind: Kind } {
  return wait.kind === kind;
}

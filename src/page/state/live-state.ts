import { type ReadonlySignal, type Signal, batch, signal } from '@preact/signals';
import type { AccountView } from '../../api/account.js';
import type { Delta, Snapshot } from '../../api/events.js';
import type { LoginView } from '../../api/login.js';
import type { RequestView } from '../../api/request.js';
import type { Summary } from '../../api/summary.js';

/** Running and recent requests that are kept. */
export const MOST_REQUESTS = 200;

/** Entities by key, each in a signal of its own: a change of one renders only that one. */
class Entities<T> {
  private readonly byKey = new Map<string, Signal<T | null>>();
  private readonly order = signal<readonly string[]>([]);

  constructor(private readonly keyOf: (entity: T) => string) {}

  get keys(): ReadonlySignal<readonly string[]> {
    return this.order;
  }

  /** Reads the order if there is no such entity: a component that asks for one learns when it comes. */
  find(key: string): T | null {
    const found = this.byKey.get(key);
    if (found !== undefined) return found.value;
    void this.order.value;
    return null;
  }

  peek(key: string): T | null {
    return this.byKey.get(key)?.peek() ?? null;
  }

  replaceAll(entities: readonly T[]): void {
    const keys = entities.map((it) => this.keyOf(it));
    const kept = new Set(keys);
    this.remove([...this.byKey.keys()].filter((it) => !kept.has(it)));
    for (const entity of entities) this.put(entity);
    this.setOrder(keys);
  }

  put(entity: T): void {
    const key = this.keyOf(entity);
    const known = this.byKey.get(key);
    if (known === undefined) this.byKey.set(key, signal<T | null>(entity));
    else known.value = entity;
  }

  /** Its readers learn that it is gone. */
  remove(keys: readonly string[]): void {
    for (const key of keys) {
      const known = this.byKey.get(key);
      if (known !== undefined) known.value = null;
      this.byKey.delete(key);
    }
  }

  setOrder(keys: readonly string[]): void {
    const before = this.order.peek();
    if (keys.length !== before.length || keys.some((it, index) => it !== before[index]))
      this.order.value = keys;
  }
}

/** The newest state that the program has sent. */
export class LiveState {
  /** Null until the first snapshot. */
  readonly summary = signal<Summary | null>(null);
  private readonly accountEntities = new Entities<AccountView>((it) => it.name);
  private readonly requestEntities = new Entities<RequestView>((it) => it.id);
  readonly logins = signal<readonly LoginView[]>([]);

  /** Names of the accounts, sorted. */
  get accountNames(): ReadonlySignal<readonly string[]> {
    return this.accountEntities.keys;
  }

  /** Ids of the newest requests, newest first. */
  get requestIds(): ReadonlySignal<readonly string[]> {
    return this.requestEntities.keys;
  }

  /** Returns an account, null if it is not in the pool. Renders the reading component when it changes. */
  account(name: string): AccountView | null {
    return this.accountEntities.find(name);
  }

  request(id: string): RequestView | null {
    return this.requestEntities.find(id);
  }

  takeSnapshot({ summary, accounts, requests, logins }: Snapshot): void {
    batch(() => {
      this.summary.value = summary;
      this.accountEntities.replaceAll(accounts);
      this.requestEntities.replaceAll(requests.slice(0, MOST_REQUESTS));
      this.logins.value = logins;
    });
  }

  takeDelta({ summary, accounts = [], accountsGone = [], requests = [], logins = [] }: Delta): void {
    batch(() => {
      if (summary !== undefined) this.summary.value = summary;
      this.takeAccounts(accounts, accountsGone);
      this.takeRequests(requests);
      for (const login of logins) this.takeLogin(login);
    });
  }

  /** Takes the response to a change, which may come before its delta. */
  takeAccount(account: AccountView): void {
    batch(() => this.takeAccounts([account], []));
  }

  private takeAccounts(changed: readonly AccountView[], gone: readonly string[]): void {
    for (const account of changed) this.accountEntities.put(account);
    this.accountEntities.remove(gone);
    const names = new Set([...this.accountNames.peek(), ...changed.map((it) => it.name)]);
    for (const name of gone) names.delete(name);
    this.accountEntities.setOrder([...names].toSorted());
  }

  private takeRequests(changed: readonly RequestView[]): void {
    for (const request of changed) this.requestEntities.put(request);
    const before = this.requestIds.peek();
    const ids = new Set([...changed.map((it) => it.id), ...before]);
    if (ids.size === before.length) return;
    const at = (id: string) => this.requestEntities.peek(id)?.at ?? 0;
    const newestFirst = [...ids].toSorted((a, b) => at(b) - at(a));
    this.requestEntities.remove(newestFirst.slice(MOST_REQUESTS));
    this.requestEntities.setOrder(newestFirst.slice(0, MOST_REQUESTS));
  }

  private takeLogin(login: LoginView): void {
    const others = this.logins.peek().filter((it) => it.id !== login.id);
    this.logins.value = [...others, login].toSorted((a, b) => a.startedAt - b.startedAt).slice(-MOST_LOGINS);
  }
}

const MOST_LOGINS = 50;

import { type ReadonlySignal, type Signal, batch, signal } from '@preact/signals';
import type { AccountView } from '../../api/account.js';
import type { Delta, Snapshot } from '../../api/events.js';
import type { LoginView } from '../../api/login.js';
import type { RequestView } from '../../api/request.js';
import type { Summary } from '../../api/summary.js';

/** Running and recent requests that are kept. */
const MOST_REQUESTS = 200;

/** Entities by key, each in a signal of its own: a change of one renders only that one. */
class Entities<T> {
  private readonly byKey = new Map<string, Signal<T>>();
  private readonly order = signal<readonly string[]>([]);

  constructor(private readonly keyOf: (entity: T) => string) {}

  get keys(): ReadonlySignal<readonly string[]> {
    return this.order;
  }

  /** Reads the order, too: a component that asks for an entity that is not there learns when it comes. */
  find(key: string): T | null {
    const found = this.byKey.get(key);
    if (found !== undefined) return found.value;
    void this.order.value;
    return null;
  }

  replaceAll(entities: readonly T[]): void {
    const keys = entities.map((it) => this.keyOf(it));
    for (const key of this.byKey.keys()) if (!keys.includes(key)) this.byKey.delete(key);
    for (const entity of entities) this.put(entity);
    this.setOrder(keys);
  }

  put(entity: T): boolean {
    const key = this.keyOf(entity);
    const known = this.byKey.get(key);
    if (known === undefined) this.byKey.set(key, signal(entity));
    else known.value = entity;
    return known === undefined;
  }

  remove(keys: readonly string[]): void {
    for (const key of keys) this.byKey.delete(key);
  }

  setOrder(keys: readonly string[]): void {
    const before = this.order.peek();
    if (keys.length !== before.length || keys.some((it, index) => it !== before[index]))
      this.order.value = keys;
  }
}

/** What the program has last sent. */
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
    const added = changed.filter((it) => this.requestEntities.put(it));
    const newestFirst = added.toSorted((a, b) => b.at - a.at).map((it) => it.id);
    const all = [...newestFirst, ...this.requestIds.peek()];
    this.requestEntities.remove(all.slice(MOST_REQUESTS));
    this.requestEntities.setOrder(all.slice(0, MOST_REQUESTS));
  }

  private takeLogin(login: LoginView): void {
    const others = this.logins.peek().filter((it) => it.id !== login.id);
    this.logins.value = [...others, login].toSorted((a, b) => a.startedAt - b.startedAt).slice(-MOST_LOGINS);
  }
}

const MOST_LOGINS = 50;

import type { RequestView } from '../../api/request.js';

/** The most turns that the list holds; the oldest are dropped first. */
export const MOST_TURNS = 100_000;

/** The turns of the list, newest first, each once: pages of older turns below, live turns on top. */
export class TurnList {
  private readonly byId = new Map<string, RequestView>();
  private readonly ids: string[] = [];

  constructor(private readonly most = MOST_TURNS) {}

  get size(): number {
    return this.ids.length;
  }

  at(index: number): RequestView | null {
    const id = this.ids[index];
    return id === undefined ? null : (this.byId.get(id) ?? null);
  }

  find(id: string): RequestView | null {
    return this.byId.get(id) ?? null;
  }

  /** Returns the place of a turn; -1 if it is not in the list. */
  indexOf(id: string): number {
    return this.ids.indexOf(id);
  }

  /** Adds a page of turns in their places, mostly at the end. Returns how many were new. */
  append(page: readonly RequestView[]): number {
    let added = 0;
    for (const turn of page) {
      if (this.isNewer(turn)) {
        this.byId.set(turn.id, turn);
        continue;
      }
      if (this.byId.has(turn.id) || (this.ids.length >= this.most && this.isOldest(turn))) continue;
      this.byId.set(turn.id, turn);
      this.insert(turn);
      added += 1;
    }
    this.dropOldest();
    return added;
  }

  /** Adds or replaces turns that arrive live. Returns whether anything has changed. */
  put(live: readonly RequestView[]): boolean {
    let hasChanged = false;
    for (const turn of live) {
      const known = this.byId.get(turn.id);
      if (known === turn) continue;
      this.byId.set(turn.id, turn);
      hasChanged = true;
      if (known === undefined) this.insert(turn);
    }
    this.dropOldest();
    return hasChanged;
  }

  /** Removes turns that no longer belong here. Returns whether there were any. */
  remove(ids: readonly string[]): boolean {
    const gone = new Set(ids.filter((it) => this.byId.delete(it)));
    if (gone.size === 0) return false;
    const kept = this.ids.filter((it) => !gone.has(it));
    this.ids.length = 0;
    for (const id of kept) this.ids.push(id);
    return true;
  }

  /** Removes the turns that came before this time, epoch ms. */
  dropBefore(at: number): void {
    while (this.ids.length > 0) {
      const oldest = this.ids.at(-1) ?? '';
      if ((this.byId.get(oldest)?.at ?? 0) >= at) return;
      this.byId.delete(oldest);
      this.ids.pop();
    }
  }

  /** Puts a turn at its place: at the end for older pages, near the top for live turns. */
  private insert(turn: RequestView): void {
    if (this.isOldest(turn)) {
      this.ids.push(turn.id);
      return;
    }
    const place = this.ids.findIndex((it) => (this.byId.get(it)?.at ?? 0) <= turn.at);
    this.ids.splice(place === -1 ? this.ids.length : place, 0, turn.id);
  }

  private isOldest(turn: RequestView): boolean {
    const oldest = this.byId.get(this.ids.at(-1) ?? '');
    return oldest === undefined || turn.at <= oldest.at;
  }

  private dropOldest(): void {
    while (this.ids.length > this.most) this.byId.delete(this.ids.pop() ?? '');
  }

  /** Whether a page holds a later state of a turn that is in the list as running. */
  private isNewer(turn: RequestView): boolean {
    const known = this.byId.get(turn.id);
    return known !== undefined && known.endedAt === null && turn.endedAt !== null;
  }
}

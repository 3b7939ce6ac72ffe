/** First in, first out, with a bound: what comes when it is full pushes the oldest out. */
export class BoundedQueue<T> {
  private items: T[] = [];

  constructor(
    private readonly bound: number,
    private readonly onLoss: () => void,
  ) {}

  get size(): number {
    return this.items.length;
  }

  add(item: T): void {
    this.items.push(item);
    if (this.items.length <= this.bound) return;
    this.items.shift();
    this.onLoss();
  }

  /** The oldest, at most `count`; they stay in. */
  first(count: number): T[] {
    return this.items.slice(0, count);
  }

  /** Takes out those that are (still) in. */
  remove(items: readonly T[]): void {
    const gone = new Set(items);
    this.items = this.items.filter((it) => !gone.has(it));
  }
}

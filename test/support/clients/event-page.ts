import { type RawExchange, send } from './raw-http.js';

/** An event of `GET /admin/events`. */
export interface PageEvent {
  readonly id: string | null;
  readonly name: string;
  readonly text: string;
}

/** A page that reads `GET /admin/events`, without reconnecting. */
export class EventPage implements Disposable {
  private constructor(readonly exchange: RawExchange) {}

  /** Connects; resolves at the head of the response. `lastId`: the last event that it has. */
  static async open(origin: string, lastId: string | null = null, isRead = true): Promise<EventPage> {
    const headers = lastId === null ? {} : { 'last-event-id': lastId };
    const page = new EventPage(send(origin, { path: '/admin/events', headers, isRead }));
    await page.exchange.head;
    return page;
  }

  /** The complete events so far, without comments. */
  get events(): PageEvent[] {
    const blocks = this.exchange.text.split('\n\n').slice(0, -1);
    return blocks.filter((it) => !it.startsWith(':')).map(parsed);
  }

  get comments(): number {
    return this.exchange.text.split('\n\n').filter((it) => it === ':').length;
  }

  get lastId(): string | null {
    return this.events.findLast((it) => it.id !== null)?.id ?? null;
  }

  /** Resolves with the events as soon as there are so many. */
  async until(count: number): Promise<PageEvent[]> {
    await this.exchange.until(() => this.events.length >= count, `${count} events`);
    return this.events;
  }

  [Symbol.dispose](): void {
    this.exchange.leave();
  }
}

function parsed(block: string): PageEvent {
  const fields = new Map(
    block.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  return { id: fields.get('id') ?? null, name: fields.get('event') ?? '', text: fields.get('data') ?? '' };
}

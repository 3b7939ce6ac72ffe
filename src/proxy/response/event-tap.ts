import { usageFromFinalEvent } from '../../usage/response-usage.js';
import type { TokenCount } from '../../usage/sums/token-columns.js';
import type { EventFailure } from '../outcome/event-failure.js';
import { CREATED_EVENT, endsResponse, failureEvents, finalEvents } from '../outcome/response-events.js';
import { responseIdIn } from './response-id.js';

/** Reads the token counts of a turn's final event, its response id and a failure from its events, in either transport. */
export class EventTap {
  private tokens: TokenCount | null = null;
  private failed: EventFailure | null = null;
  private isNamed = false;
  private isOver = false;

  constructor(
    /** Called once with the response id, from the first event, or from the last if the first was not seen. */
    private readonly onResponseId: (id: string) => void,
    private readonly failureIn: (data: string | null) => EventFailure,
  ) {}

  /** Token counts of the final event; null if no final event came or it had none. */
  get counted(): TokenCount | null {
    return this.tokens;
  }

  /** The contents of a failure event, unless the response completed afterwards; null if no such event came. */
  get failure(): EventFailure | null {
    return this.failed;
  }

  /** Whether an event has come after which nothing more of the response follows. */
  get hasEnded(): boolean {
    return this.isOver;
  }

  /** Whether the tap reads events of this type; others need not be decoded. */
  wants(type: string): boolean {
    return finalEvents.has(type) || failureEvents.has(type) || (type === CREATED_EVENT && !this.isNamed);
  }

  /** Takes an event. `data` null: it was too large to read. */
  saw(type: string, data: string | null): void {
    const isFinal = finalEvents.has(type);
    this.isOver ||= endsResponse(type);
    if (failureEvents.has(type)) this.failed ??= this.failureIn(data);
    else if (isFinal) this.failed = null;
    if (data === null) return;
    if (isFinal) this.tokens = usageFromFinalEvent(data) ?? this.tokens;
    if (this.isNamed || (!isFinal && type !== CREATED_EVENT)) return;
    const id = responseIdIn(data);
    if (id === null) return;
    this.isNamed = true;
    this.onResponseId(id);
  }
}

import { randomUUID } from 'node:crypto';

/** A server-sent event of a turn, before serialization. */
export interface TurnEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The token usage of a turn, as its last event reports it. */
export interface TurnUsage {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

/** The usage of a default turn. */
export const DEFAULT_USAGE: TurnUsage = { input: 100, cached: 40, output: 12, reasoning: 4 };

/** A made-up id in the backend's format. */
export const newId = (prefix: string): string => `${prefix}_${randomUUID().replaceAll('-', '')}`;

/** `response.created`. */
export function created(responseId = newId('resp')): TurnEvent {
  return {
    type: 'response.created',
    response: { id: responseId, object: 'response', status: 'in_progress', output: [] },
  };
}

/** `response.output_item.added` of an empty message. */
export function messageAdded(itemId = newId('msg')): TurnEvent {
  const item = { type: 'message', id: itemId, role: 'assistant', status: 'in_progress', content: [] };
  return { type: 'response.output_item.added', output_index: 0, item };
}

/** `response.output_text.delta`. */
export function delta(text: string, itemId = 'msg_made_up'): TurnEvent {
  return {
    type: 'response.output_text.delta',
    item_id: itemId,
    output_index: 0,
    content_index: 0,
    delta: text,
  };
}

/** `response.output_item.done` of a message. Codex takes the final text from it. */
export function messageDone(text: string, itemId = newId('msg')): TurnEvent {
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  const item = { type: 'message', id: itemId, role: 'assistant', status: 'completed', content };
  return { type: 'response.output_item.done', output_index: 0, item };
}

/** `response.output_item.done` of a function call. Codex runs the tool and sends the next request. */
export function functionCallDone(name: string, args: unknown, namespace?: string): TurnEvent {
  const call = {
    type: 'function_call',
    id: newId('fc'),
    call_id: newId('call'),
    ...(namespace === undefined ? {} : { namespace }),
    name,
    arguments: JSON.stringify(args),
  };
  return { type: 'response.output_item.done', output_index: 0, item: { ...call, status: 'completed' } };
}

/** `response.completed`, the last event of a successful turn. */
export function completed(usage: TurnUsage = DEFAULT_USAGE, responseId = newId('resp')): TurnEvent {
  const counted = {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
  return {
    type: 'response.completed',
    response: { id: responseId, object: 'response', status: 'completed', usage: counted },
  };
}

/** `response.incomplete`. */
export function incomplete(reason: string, responseId = newId('resp')): TurnEvent {
  return {
    type: 'response.incomplete',
    response: { id: responseId, object: 'response', status: 'incomplete', incomplete_details: { reason } },
  };
}

/** `response.failed` with an error code; `extra` fields are added beside the code. */
export function failed(code: string, message = `made-up failure ${code}`, extra: object = {}): TurnEvent {
  const error = { code, message, ...extra };
  return {
    type: 'response.failed',
    response: { id: newId('resp'), object: 'response', status: 'failed', error },
  };
}

/** All events of a turn with one message, whose text arrives in the given deltas. */
export function messageTurn(deltas: readonly string[], usage?: TurnUsage): readonly TurnEvent[] {
  const responseId = newId('resp');
  const itemId = newId('msg');
  return [
    created(responseId),
    { type: 'response.in_progress', response: { id: responseId, object: 'response', status: 'in_progress' } },
    messageAdded(itemId),
    ...deltas.map((text) => delta(text, itemId)),
    {
      type: 'response.output_text.done',
      item_id: itemId,
      output_index: 0,
      content_index: 0,
      text: deltas.join(''),
    },
    messageDone(deltas.join(''), itemId),
    completed(usage, responseId),
  ];
}

/** An event as sent on the wire. */
export function framed(event: TurnEvent, lineEnding: '\n' | '\r\n' = '\n'): string {
  return `event: ${event.type}${lineEnding}data: ${JSON.stringify(event)}${lineEnding}${lineEnding}`;
}

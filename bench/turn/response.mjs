import { madeUpText, wordAt } from './text.mjs';

const RESPONSE_BYTES = 90_000;
const SHORT_DELTAS = 5;
/** Events up to the first output, which the proxy waits for: created, in progress, item added, first delta. */
export const PREAMBLE_EVENTS = 4;
/** Events after the last delta: item done, completed. */
const END_EVENTS = 2;

const framed = (event) => Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

function delta(index) {
  return {
    type: 'response.output_text.delta',
    content_index: 0,
    delta: ` ${wordAt(index)}`,
    item_id: 'msg_made_up_0a1b2c3d4e5f60718293a4b5c6d7e8f9',
    logprobs: [],
    obfuscation: 'madeupmade',
    output_index: 1,
    sequence_number: index + 4,
  };
}

/** The events of a response with this many pieces of text. */
export function eventsOf(deltas) {
  const response = { id: 'resp_made_up', object: 'response', status: 'in_progress', output: [] };
  const item = { type: 'message', id: 'msg_made_up', role: 'assistant', status: 'in_progress', content: [] };
  const usage = {
    input_tokens: 10_500,
    input_tokens_details: { cached_tokens: 9_000 },
    output_tokens: deltas,
    output_tokens_details: { reasoning_tokens: 64 },
    total_tokens: 10_500 + deltas,
  };
  const content = [{ type: 'output_text', text: madeUpText(deltas * 5), annotations: [] }];
  return [
    { type: 'response.created', sequence_number: 0, response },
    { type: 'response.in_progress', sequence_number: 1, response },
    { type: 'response.output_item.added', sequence_number: 2, output_index: 1, item },
    ...Array.from({ length: deltas }, (_, index) => delta(index)),
    {
      type: 'response.output_item.done',
      output_index: 1,
      item: { ...item, status: 'completed', content },
    },
    { type: 'response.completed', response: { ...response, status: 'completed', usage } },
  ];
}

/** The same as server-sent events, one buffer each. */
export const framesOf = (deltas) => eventsOf(deltas).map(framed);

export const sizeOf = (frames) => frames.reduce((sum, it) => sum + it.length, 0);

/** The number of deltas that makes a response of about 90 KB. */
export function wholeDeltas() {
  const few = sizeOf(framesOf(100));
  const perDelta = (sizeOf(framesOf(200)) - few) / 100;
  return 100 + Math.round((RESPONSE_BYTES - few) / perDelta);
}

export const wholeFrames = () => framesOf(wholeDeltas());
export const shortFrames = () => framesOf(SHORT_DELTAS);
/** A paced stream: after its preamble come `events` events, one at a time. */
export const pacedFrames = (events) => framesOf(events + 1 - END_EVENTS);

import type { ScriptedHeaders, StreamResponse } from './scripted-response.js';
import { streams } from './responses.js';
import type { TurnEvent } from './turn-events.js';

const MADE_UP_IMAGE = 'bWFkZSB1cA==';

/** The events of a streamed image: previews, then the image. None of them belongs to a turn. */
export function imageEvents(previews = 2): readonly TurnEvent[] {
  const partial = Array.from({ length: previews }, (_, index) => ({
    type: 'image_generation.partial_image',
    partial_image_index: index,
    b64_json: MADE_UP_IMAGE,
    size: '1024x1024',
    output_format: 'png',
  }));
  const usage = { input_tokens: 10, output_tokens: 100, total_tokens: 110 };
  return [...partial, { type: 'image_generation.completed', b64_json: MADE_UP_IMAGE, usage }];
}

/** A streamed image, which ends properly. */
export function imageStream(headers: ScriptedHeaders = {}): StreamResponse {
  return streams({ events: imageEvents(), headers });
}

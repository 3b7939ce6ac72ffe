import type { StreamResponse } from '../fake-upstream/script/scripted-response.js';
import { streamOf } from '../fake-upstream/script/responses.js';
import { type TurnUsage, messageTurn } from '../fake-upstream/script/turn-events.js';

/** Splits a text into words, each with the space after it. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}

/** A turn that streams a text word by word. `{account}` becomes the name of the serving account. */
export function spoken(text: string, wordPauseMs: number): StreamResponse {
  return streamOf(
    ({ account }) => {
      const words = wordsOf(text.replaceAll('{account}', account));
      return messageTurn(words, madeUpUsage(words.length));
    },
    { pauseBetweenMs: wordPauseMs },
  );
}

/** Made-up usage in realistic proportions: a large input, mostly cached, and a small output. */
function madeUpUsage(words: number): TurnUsage {
  return { input: 11_000 + 40 * words, cached: 9_000, output: 2 * words, reasoning: words };
}

import type { StreamResponse } from '../fake-upstream/script/scripted-response.js';
import { streamOf } from '../fake-upstream/script/responses.js';
import { type TurnUsage, messageTurn } from '../fake-upstream/script/turn-events.js';

/** A text in pieces of one word each; nothing is lost between them. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}

/** A turn that says a text word by word; `{account}` in it becomes the name of who says it. */
export function spoken(text: string, wordPauseMs: number): StreamResponse {
  return streamOf(
    ({ account }) => {
      const words = wordsOf(text.replaceAll('{account}', account));
      return messageTurn(words, costOf(words.length));
    },
    { pauseBetweenMs: wordPauseMs },
  );
}

/** Made up, but of the size that turns have: much is read, most of it from the cache, and little is said. */
function costOf(words: number): TurnUsage {
  return { input: 11_000 + 40 * words, cached: 9_000, output: 2 * words, reasoning: words };
}

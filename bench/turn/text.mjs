const words =
  'the proxy reads a request and sends it on while words of a response stream back to the client that asked'.split(
    ' ',
  );

export const wordAt = (index) => words[index % words.length];

/** Meaningless text, the same in every run. */
export function madeUpText(bytes) {
  let text = '';
  for (let index = 0; text.length < bytes; index += 1) text += `${wordAt(index * 7 + (index >> 3))} `;
  return text.slice(0, bytes);
}

/** Text that compresses about as well as source code: numbered words, the same in every run. */
export function variedText(bytes) {
  let text = '';
  for (let seed = 1; text.length < bytes;) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; // a linear congruential generator
    text += `${wordAt(seed >>> 16)}${(seed >>> 20) % 1_000} `;
  }
  return text.slice(0, bytes);
}

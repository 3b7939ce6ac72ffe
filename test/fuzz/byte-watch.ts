/** Looks for words in a stream of bytes, whatever its pieces are. */
export class ByteWatch {
  #rest = '';

  constructor(
    private readonly words: readonly string[],
    private readonly onFound: (word: string) => void,
  ) {}

  add(bytes: Buffer): void {
    const text = this.#rest + bytes.toString('latin1');
    let longest = 0;
    for (const word of this.words) {
      if (text.includes(word)) this.onFound(word);
      longest = Math.max(longest, word.length);
    }
    this.#rest = longest < 2 ? '' : text.slice(1 - longest);
  }
}

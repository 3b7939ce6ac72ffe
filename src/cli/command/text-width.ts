import fastStringWidth from 'fast-string-width';

/** Returns a text that neither breaks the line nor steers the terminal. */
export function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '');
}

/** Returns a text of exactly this many columns: padded, or cut with an ellipsis. Wide characters count as two. */
export function fitted(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + ' '.repeat(Math.max(0, columns - fastStringWidth(shown)));
}

/** Returns a text of at most this many columns. */
export function cut(text: string, columns: number): string {
  const shown = inOneLine(text);
  if (fastStringWidth(shown) <= columns) return shown;
  let kept = '';
  for (const it of shown) {
    if (fastStringWidth(`${kept}${it}…`) > columns) break;
    kept += it;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** Returns the columns that a text takes. */
export function widthOf(text: string): number {
  return fastStringWidth(inOneLine(text));
}

/** Breaks a text between its words into lines of at most `columns`; those after the first are indented. */
export function wrapped(text: string, columns: number, indent = 0): readonly string[] {
  return flowed(inOneLine(text).split(' '), columns, { gap: 1, indent });
}

/** Puts parts side by side, into as many lines of at most `columns` as they need. A part that is too long is broken. */
export function flowed(
  parts: readonly string[],
  columns: number,
  { gap, indent }: { readonly gap: number; readonly indent: number },
): readonly string[] {
  const margin = ' '.repeat(Math.min(indent, Math.max(0, columns - 1)));
  const lines: string[] = [];
  let line = '';
  const room = () => columns - (lines.length === 0 ? 0 : margin.length);
  const push = () => {
    lines.push((lines.length === 0 ? '' : margin) + line);
    line = '';
  };
  for (const part of parts.flatMap((it) => broken(it, columns - margin.length))) {
    const joined = line === '' ? part : line + ' '.repeat(gap) + part;
    if (line !== '' && fastStringWidth(joined) > room()) {
      push();
      line = part;
    } else line = joined;
  }
  push();
  return lines;
}

/** Breaks a part that fits on no line: between words, else anywhere. */
function broken(part: string, columns: number): readonly string[] {
  if (fastStringWidth(part) <= columns) return [part];
  if (part.includes(' ')) return flowed(part.split(' '), columns, { gap: 1, indent: 0 });
  const pieces: string[] = [];
  let piece = '';
  for (const it of part) {
    if (piece !== '' && fastStringWidth(piece + it) > columns) {
      pieces.push(piece);
      piece = '';
    }
    piece += it;
  }
  return [...pieces, piece];
}

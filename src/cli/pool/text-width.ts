import fastStringWidth from 'fast-string-width';

/** Returns a text that neither breaks the line nor steers the terminal. */
export function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '');
}

/** Returns a text of exactly this many columns: padded, or cut with an ellipsis. Wide characters count as two. */
export function fitted(text: string, columns: number): string {
  const shown = inOneLine(text);
  const width = fastStringWidth(shown);
  if (width <= columns) return shown + ' '.repeat(columns - width);
  return fitted(cut(shown, columns), columns);
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

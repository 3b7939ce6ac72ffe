/** The rows of a long list that are in the document: from `first` up to, not including, `end`. */
export interface VisibleRows {
  readonly first: number;
  readonly end: number;
}

/** Rows kept above and below the visible part, so that a fast scroll shows no gap. */
const OVERSCAN = 8;

/**
 * Returns the rows to render for a scroll position. `top`: how far the list has been scrolled past its beginning; less
 * than 0 if it begins below the edge of the window. All lengths in CSS pixels.
 */
export function visibleRows(top: number, height: number, rowHeight: number, count: number): VisibleRows {
  const first = Math.floor(top / rowHeight) - OVERSCAN;
  const end = Math.ceil((top + height) / rowHeight) + OVERSCAN;
  return { first: Math.min(Math.max(first, 0), count), end: Math.min(Math.max(end, 0), count) };
}

/** Whether the rendered rows come so near the end that the next page is wanted. */
export function nearsEnd({ end }: VisibleRows, count: number): boolean {
  return end > count - 2 * OVERSCAN;
}

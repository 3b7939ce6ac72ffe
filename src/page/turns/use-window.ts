import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { type VisibleRows, visibleRows } from './visible-rows.js';

/** Below this width of the list, in CSS pixels, a turn takes two lines; `turns.css` has the same number. */
const NARROW = 720;
/** Heights of a row, in CSS pixels; `turns.css` has the same numbers. */
const [ONE_LINE, TWO_LINES] = [32, 60];

export interface RowWindow extends VisibleRows {
  readonly rowHeight: number;
}

/** Follows the scrolling of the page. Returns the rows of the list in `host` that belong into the document. */
export function useRowWindow(host: RefObject<HTMLElement | null>, count: number): RowWindow {
  const [place, setPlace] = useState({ top: 0, height: 800, rowHeight: ONE_LINE });
  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const element = host.current;
      if (element === null) return;
      const rowHeight = element.clientWidth < NARROW ? TWO_LINES : ONE_LINE;
      // Only whole rows matter, so that most scroll events render nothing.
      const top = Math.floor(-element.getBoundingClientRect().top / rowHeight) * rowHeight;
      setPlace((it) =>
        it.top === top && it.height === innerHeight && it.rowHeight === rowHeight
          ? it
          : { top, height: innerHeight, rowHeight },
      );
    };
    const later = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    const resize = new ResizeObserver(later);
    if (host.current !== null) resize.observe(host.current);
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(frame);
      resize.disconnect();
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [host]);
  return { ...visibleRows(place.top, place.height, place.rowHeight, count), rowHeight: place.rowHeight };
}

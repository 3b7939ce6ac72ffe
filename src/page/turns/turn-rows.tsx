import { useLayoutEffect, useRef } from 'preact/hooks';
import { live } from '../state/live.js';
import { param } from '../state/router.js';
import { TurnRow, turnColumns } from './turn-row.js';
import type { TurnsLoader } from './turns-loader.js';
import { useRowWindow } from './use-window.js';
import { nearsEnd } from './visible-rows.js';

/** The rows of the list. Only those near the window are in the document, however long the list is. */
export function TurnRows({ loader }: { loader: TurnsLoader }) {
  const host = useRef<HTMLDivElement>(null);
  void loader.version.value;
  const { list } = loader;
  const { first, end, rowHeight } = useRowWindow(host, list.size);
  const policy = live.summary.value?.policy ?? null;
  const open = param('turn');
  useKeptPlace(host, list.at(first)?.id ?? null, first, rowHeight, loader);
  useLayoutEffect(() => {
    if (nearsEnd({ first, end }, list.size)) void loader.more();
  });
  const rows = [];
  for (let index = first; index < end; index += 1) {
    const turn = list.at(index);
    if (turn === null) continue;
    rows.push(
      <TurnRow
        key={turn.id}
        turn={turn}
        policy={policy}
        index={index + 1}
        isOpen={turn.id === open}
        style={{ transform: `translateY(${index * rowHeight}px)` }}
      />,
    );
  }
  return (
    <div role="table" class="turns-table" aria-label="Turns, newest first" aria-rowcount={list.size + 1}>
      <div role="rowgroup" class="turns-head">
        <div role="row" class="turns-row" aria-rowindex={1}>
          {turnColumns.map((it) => (
            <span role="columnheader" key={it}>
              {it}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={host} class="turns-body" style={{ height: `${list.size * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  );
}

/** Keeps the rows where they are when live turns come in above them, unless the top of the list is in view. */
function useKeptPlace(
  host: { readonly current: HTMLElement | null },
  topId: string | null,
  first: number,
  rowHeight: number,
  { list }: TurnsLoader,
): void {
  const before = useRef<{ readonly id: string | null; readonly first: number; readonly size: number }>(null);
  useLayoutEffect(() => {
    const last = before.current;
    before.current = { id: topId, first, size: list.size };
    if (last === null || last.id === null || last.first !== first || first === 0 || last.size === list.size)
      return;
    // The few rows above the window are enough to find the old one: one delta brings few turns.
    for (let moved = 1; moved <= 50; moved += 1) {
      if (list.at(first + moved)?.id !== last.id) continue;
      if (host.current !== null) scrollBy({ top: moved * rowHeight, behavior: 'instant' });
      return;
    }
  });
}

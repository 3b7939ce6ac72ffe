import { useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { live, connection } from '../state/live.js';
import { navigate, param, query } from '../state/router.js';
import { Button } from '../ui/button.js';
import { Empty, ProblemNote, Section } from '../ui/section.js';
import { FilterBar } from './filter-bar.js';
import { TurnDrawer } from './turn-drawer.js';
import { isFiltered, turnFilterNames, type TurnFilters, turnFiltersIn } from './turn-filters.js';
import { TurnRows } from './turn-rows.js';
import { TurnsLoader } from './turns-loader.js';

/** The turns: filters in the address, live turns on top, older ones as one scrolls, one turn in the drawer. */
export function TurnsView() {
  const filters = turnFiltersIn(query.value);
  const open = param('turn');
  return (
    <div class="with-drawer">
      <div>
        <Section title="Turns">
          <FilterBar filters={filters} />
          <FilteredTurns key={JSON.stringify(filters)} filters={filters} />
        </Section>
      </div>
      {open === '' ? null : <TurnDrawer key={open} id={open} />}
    </div>
  );
}

function FilteredTurns({ filters }: { filters: TurnFilters }) {
  const loader = useMemo(() => new TurnsLoader(filters), []);
  useEffect(() => {
    void loader.more();
    return () => loader.stop();
  }, [loader]);
  useSignalEffect(() => {
    const turns = live.requestIds.value.flatMap((it) => live.request(it) ?? []);
    loader.takeLive(turns);
  });
  useMissedTurns(loader);
  void loader.version.value;
  const problem = loader.problem.value;
  const warning = loader.warning.value;
  return (
    <>
      {problem === null ? null : <ProblemNote problem={problem} onRetry={() => void loader.retry()} />}
      {warning === null ? null : (
        <p role="status">
          <span aria-hidden="true">▲ </span>Incomplete: {warning}.
        </p>
      )}
      {loader.list.size > 0 && <TurnRows loader={loader} />}
      <Foot loader={loader} filters={filters} />
    </>
  );
}

/** After a lost connection, fetches the turns that came meanwhile. */
function useMissedTurns(loader: TurnsLoader): void {
  const { kind } = connection.value;
  const wasStale = useMemo(() => ({ current: false }), []);
  useEffect(() => {
    if (kind === 'live' && wasStale.current) void loader.refresh();
    wasStale.current = kind === 'stale';
  }, [kind, loader, wasStale]);
}

function Foot({ loader, filters }: { loader: TurnsLoader; filters: TurnFilters }) {
  // The list is no signal, so that its changes have to be read for themselves.
  void loader.version.value;
  if (loader.isLoading.value) return <p class="quiet turns-foot">Loading …</p>;
  if (loader.problem.value !== null) return null;
  if (loader.list.size > 0) {
    return loader.hasMore || loader.warning.value !== null ? null : (
      <p class="quiet turns-foot">{endWords(loader.list.size)}</p>
    );
  }
  if (isFiltered(filters)) {
    return (
      <Empty action={<Button onClick={clearFilters}>Clear the filters</Button>}>
        No turn matches the filters.
      </Empty>
    );
  }
  return <NoTurns />;
}

function NoTurns() {
  const summary = live.summary.value;
  const setUp = <a href="/?view=set-up">Set-up</a>;
  if (summary?.accounts === 0)
    return <Empty action={setUp}>No turn yet, and no account that could serve one.</Empty>;
  if (summary?.problems.some((it) => it.code === 'turns-bypass') === true) {
    return <Empty action={setUp}>Codex is in use, but its turns go past the pool.</Empty>;
  }
  return <Empty action={setUp}>No turn yet: Codex has sent none to the pool.</Empty>;
}

function clearFilters(): void {
  navigate(Object.fromEntries(turnFilterNames.map((it) => [it, null])));
}

function endWords(count: number): string {
  return count === 1
    ? 'One turn.'
    : `${count.toLocaleString('en')} turns. Older ones are in the sums of Use.`;
}

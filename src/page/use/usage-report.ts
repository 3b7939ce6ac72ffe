import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Problem } from '../../api/shared-shapes.js';
import type { UsageView } from '../../api/usage.js';
import { call } from '../state/api-client.js';

/** The most pages of one report; a page has 1,000 hours or days. */
const MOST_PAGES = 20;

export interface Report {
  readonly value: UsageView | null;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  readonly load: () => void;
}

/** Loads a report with all its pages, and again when `path` changes. The last one stays while the next is loaded. */
export function useReport(path: string): Report {
  const state = useSignal<Omit<Report, 'load'>>({ value: null, problem: null, isLoading: true });
  const attempt = useSignal(0);
  const number = attempt.value;
  useEffect(() => {
    const stop = new AbortController();
    state.value = { ...state.peek(), isLoading: true };
    void loadReport(path, stop.signal).then((loaded) => {
      if (!stop.signal.aborted) state.value = { ...state.peek(), problem: null, ...loaded, isLoading: false };
    });
    return () => stop.abort();
  }, [path, number, state]);
  return { ...state.value, load: () => (attempt.value += 1) };
}

async function loadReport(
  path: string,
  signal: AbortSignal,
): Promise<{ value: UsageView } | { problem: Problem }> {
  const first = await call<UsageView>(path, { signal });
  if (!first.ok) return { problem: first.problem };
  let { hours, next } = first.value;
  for (let page = 1; next !== null && page < MOST_PAGES; page += 1) {
    const reply = await call<UsageView>(`${path}&cursor=${encodeURIComponent(next)}`, { signal });
    if (!reply.ok) return { problem: reply.problem };
    hours = [...reply.value.hours, ...hours];
    ({ next } = reply.value);
  }
  return { value: { ...first.value, hours, next } };
}

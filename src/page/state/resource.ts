import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Problem } from '../../api/shared-shapes.js';
import { call } from './api-client.js';

/** The state of one section of a view, which loads and fails alone. `value`: the last one, kept while it loads anew. */
export interface Resource<T> {
  readonly value: ReadonlySignal<T | null>;
  /** The headers of the response that brought `value`. */
  readonly headers: ReadonlySignal<Headers | null>;
  readonly problem: ReadonlySignal<Problem | null>;
  readonly isLoading: ReadonlySignal<boolean>;
  /** Asks again. */
  load(): Promise<void>;
}

/** Loads `path` of the admin API, and again whenever it changes; a response to an older path is dropped. Null: nothing. */
export function useResource<T>(path: string | null): Resource<T> {
  const loader = useMemo(() => new Loader<T>(), []);
  useEffect(() => {
    loader.path = path;
    void loader.load();
  }, [loader, path]);
  useEffect(() => () => loader.stop(), [loader]);
  return loader;
}

class Loader<T> implements Resource<T> {
  readonly value = signal<T | null>(null);
  readonly headers = signal<Headers | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly isLoading = signal(false);
  path: string | null = null;
  private running: AbortController | null = null;

  async load(): Promise<void> {
    this.stop();
    if (this.path === null) return;
    const own = new AbortController();
    this.running = own;
    this.isLoading.value = true;
    const reply = await call<T>(this.path, { signal: own.signal });
    if (this.running !== own) return;
    this.running = null;
    this.isLoading.value = false;
    this.problem.value = reply.ok ? null : reply.problem;
    if (!reply.ok) return;
    this.value.value = reply.value;
    this.headers.value = reply.headers;
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
    this.isLoading.value = false;
  }
}

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { hrefWith, type Params, viewIn } from './address.js';

/** The query of the address: everything that can be filtered, sorted or opened is in it. */
const current = signal(new URLSearchParams(location.search));

/** Query of the address. Reading it in a component renders that component anew after each navigation. */
export const query: ReadonlySignal<URLSearchParams> = current;

export const view = computed(() => viewIn(current.value));

/** Returns a parameter of the address; empty text if it is not there. */
export function param(name: string): string {
  return current.value.get(name) ?? '';
}

/** Returns the address after some parameters changed (null or empty: removed); `view` drops those of the old view. */
export function hrefOf(changes: Params): string {
  return hrefWith(current.value, changes);
}

/** Changes the address and all that depends on it. `replace`: without a step for the back button, as for typing. */
export function navigate(changes: Params, how: 'push' | 'replace' = 'push'): void {
  go(hrefOf(changes), how);
}

function go(href: string, how: 'push' | 'replace'): void {
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  current.value = new URLSearchParams(location.search);
}

/** Follows links to the page itself without loading it anew, and the back and forward buttons. */
export function startRouter(): void {
  // `/dashboard` is another address of the page; all links are made for `/`.
  if (location.pathname !== '/') history.replaceState(null, '', `/${location.search}`);
  addEventListener('popstate', () => {
    current.value = new URLSearchParams(location.search);
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || !isPlainClick(event) || link.target !== '' || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || link.hash !== '') return;
    event.preventDefault();
    if (link.search !== location.search) go(link.href, 'push');
  });
}

function isPlainClick(event: MouseEvent): boolean {
  const { button, metaKey, ctrlKey, shiftKey, altKey } = event;
  return button === 0 && !event.defaultPrevented && !metaKey && !ctrlKey && !shiftKey && !altKey;
}

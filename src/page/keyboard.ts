import { signal } from '@preact/signals';

/** Whether the list of keys is open. */
export const isHelpOpen = signal(false);

/** Handles the keys of the page; a drawer handles its own `Esc`. */
export const keys: readonly (readonly [string, string])[] = [
  ['/', 'search or filter'],
  ['j, k', 'next or previous row'],
  ['Enter', 'open the row'],
  ['Esc', 'close'],
  ['?', 'this list'],
];

/**
 * Handles the keys of every view. A view marks its search field with `data-search`, and in each row the link or button
 * that opens it with `data-row`.
 */
export function startKeyboard(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (act(event.key)) event.preventDefault();
  });
}

function act(key: string): boolean {
  switch (key) {
    case '/':
      return focusOn(document.querySelector<HTMLElement>('[data-search]'));
    case 'j':
      return moveBy(1);
    case 'k':
      return moveBy(-1);
    case '?':
      isHelpOpen.value = true;
      return true;
    default:
      return false;
  }
}

function moveBy(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.findIndex((it) => it === document.activeElement);
  const next = at === -1 ? (step === 1 ? 0 : rows.length - 1) : at + step;
  return focusOn(rows[Math.min(Math.max(next, 0), rows.length - 1)] ?? null);
}

function focusOn(element: HTMLElement | null): boolean {
  element?.focus();
  return element !== null;
}

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof Element && target.closest('input, select, textarea, [contenteditable]') !== null;
}

import { effect, signal } from '@preact/signals';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const THEME = 'codex-pool-theme';

/** Kept in this browser. */
export const theme = signal<Theme>(storedTheme());

/** Whether e-mail addresses are shown. Off after each load, so that a shared screen shows none by accident. */
export const showsEmails = signal(false);

/** Applies the theme to the page, now and after each change. */
export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
    try {
      localStorage.setItem(THEME, theme.value);
    } catch {
      // A browser that keeps nothing: the theme holds until the page is closed.
    }
  });
}

function storedTheme(): Theme {
  try {
    return themes.find((it) => it === localStorage.getItem(THEME)) ?? 'system';
  } catch {
    return 'system';
  }
}

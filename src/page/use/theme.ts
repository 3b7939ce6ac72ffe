import { useEffect, useState } from 'preact/hooks';

/** Returns a value that changes when the colours of the page do: a plot is drawn anew then. */
export function useTheme(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const changed = () => setVersion((it) => it + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    const choice = new MutationObserver(changed);
    system.addEventListener('change', changed);
    choice.observe(document.documentElement, { attributes: true });
    return () => {
      system.removeEventListener('change', changed);
      choice.disconnect();
    };
  }, []);
  return version;
}

import { useSignal } from '@preact/signals';
import { Button } from './button.js';

interface Props {
  readonly text: string;
  /** The copied thing in words, for the screen reader: `the id`. */
  readonly of: string;
}

/** A button that copies a text and says so for 2 s. */
export function Copy({ text, of }: Props) {
  const state = useSignal<'copy' | 'copied' | 'not copied'>('copy');
  const copy = async () => {
    state.value = await navigator.clipboard.writeText(text).then(
      () => 'copied' as const,
      () => 'not copied' as const,
    );
    setTimeout(() => (state.value = 'copy'), 2_000);
  };
  return (
    <Button kind="quiet" onClick={() => void copy()} label={`${state.value}: ${of}`}>
      <span aria-live="polite">{state}</span>
    </Button>
  );
}

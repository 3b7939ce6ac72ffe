import { cloneElement, type VNode } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  readonly label: string;
  /** Its meaning, and its unit. */
  readonly hint?: string;
  readonly error?: string | null;
  /** One `input`, `select` or `textarea`. It gets the id and the descriptions. */
  readonly children: VNode<{ id?: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }>;
}

/** A form control with its label, hint and error. */
export function Field({ label, hint, error, children }: Props) {
  const id = useId();
  const hasError = error !== undefined && error !== null;
  const described = [hint === undefined ? '' : `${id}-hint`, hasError ? `${id}-error` : ''].join(' ').trim();
  const control = cloneElement(children, {
    id,
    ...(described === '' ? {} : { 'aria-describedby': described }),
    ...(hasError ? { 'aria-invalid': true } : {}),
  });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control}
      {hint === undefined ? null : (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {hasError ? (
        <span class="error" id={`${id}-error`}>
          {error}
        </span>
      ) : null}
    </div>
  );
}

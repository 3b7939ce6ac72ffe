import { navigate } from '../state/router.js';
import { Button } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { presets, type Span, splitNames, type UseQuestion } from './span.js';

interface Props {
  readonly question: UseQuestion;
  readonly span: Span;
  readonly now: number;
}

/** Chooses the span and the split. Both are in the address. */
export function SpanBar({ question, span, now }: Props) {
  const from = question.from === '' ? dayOf(span.from) : question.from;
  const to = question.to === '' ? dayOf(span.to === null ? now : span.to - 1) : question.to;
  return (
    <form class="use-bar" aria-label="Span and split" onSubmit={(event) => event.preventDefault()}>
      <div class="wrap" role="group" aria-label="Span">
        {presets.map((it) => (
          <Button
            key={it.name}
            isPressed={question.span === it.name}
            onClick={() => navigate({ span: it.name, from: null, to: null })}
          >
            {it.label}
          </Button>
        ))}
      </div>
      <Field label="First day">
        <input
          type="date"
          value={from}
          max={to}
          onChange={({ currentTarget: { value } }) => navigate({ span: 'dates', from: value, to })}
        />
      </Field>
      <Field label="Last day">
        <input
          type="date"
          value={to}
          min={from}
          onChange={({ currentTarget: { value } }) => navigate({ span: 'dates', from, to: value })}
        />
      </Field>
      <Field label="Split by">
        <select value={question.by} onChange={({ currentTarget: { value } }) => navigate({ by: value })}>
          {splitNames.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </Field>
    </form>
  );
}

/** Returns the local day of a time, as a field of type `date` has it. */
function dayOf(time: number): string {
  const at = new Date(time);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

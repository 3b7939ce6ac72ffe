import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Problem } from '../../api/shared-shapes.js';
import type { Resource } from '../state/resource.js';
import { Button } from './button.js';

interface EmptyProps {
  /** Why there is nothing: "no match" is not "no data". */
  readonly children: ComponentChildren;
  /** The remedy. */
  readonly action?: ComponentChildren;
}

export function Empty({ children, action }: EmptyProps) {
  return (
    <div class="empty">
      <p>{children}</p>
      {action}
    </div>
  );
}

/** A refusal of the API, in the place of what it kept from being shown. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="problem-note" role="alert">
      <p>
        <span aria-hidden="true">▲ </span>
        {problem.detail}
      </p>
      {onRetry === undefined ? null : <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

interface SectionProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, aside, children }: SectionProps) {
  const id = useId();
  return (
    <section class="section" aria-labelledby={id}>
      <header class="section-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows a resource once it is there; a problem stands above the last value, if there is one. */
export function Loaded<T>({ resource, children }: LoadedProps<T>) {
  const value = resource.value.value;
  const problem = resource.problem.value;
  return (
    <div class={resource.isLoading.value ? 'loading' : undefined} aria-busy={resource.isLoading.value}>
      {problem === null ? null : <ProblemNote problem={problem} onRetry={() => void resource.load()} />}
      {value === null ? problem === null && <p class="quiet">Loading …</p> : <>{children(value)}</>}
    </div>
  );
}

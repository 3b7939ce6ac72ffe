import { live } from '../state/live.js';
import { navigate } from '../state/router.js';
import { Button } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { outcomeWords, resultWords } from '../../wording/decision-words.js';
import { isFiltered, turnFilterNames, type TurnFilters } from './turn-filters.js';

/** The ends of a turn, and of an attempt, that one may ask for. */
const refusals = [
  'quota-exhausted',
  'rate-limited',
  'unauthorized',
  'upstream-error',
  'unreachable',
] as const;
const results = ['running', 'complete', 'cut', 'failed', 'client gone', 'reconnect'] as const;

/** The filters. Each change goes into the address at once; the open turn stays open. */
export function FilterBar({ filters }: { filters: TurnFilters }) {
  const { account, outcome, model, from, to, session, project } = filters;
  const names = live.accountNames.value;
  const accounts = account === '' || names.includes(account) ? names : [account, ...names];
  return (
    <form
      class="turns-filters"
      role="search"
      aria-label="Filter turns"
      onSubmit={(event) => event.preventDefault()}
    >
      <Field label="Account">
        <select value={account} onChange={set('account')}>
          <option value="">All</option>
          {accounts.map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Ended">
        <select value={outcome} onChange={set('outcome')}>
          <option value="">Any way</option>
          {results.map((it) => (
            <option key={it} value={it}>
              {resultWords(it)}
            </option>
          ))}
          <optgroup label="An account was">
            {refusals.map((it) => (
              <option key={it} value={it}>
                {outcomeWords(it)}
              </option>
            ))}
          </optgroup>
        </select>
      </Field>
      <Field label="Model">
        <input
          type="search"
          value={model}
          onChange={set('model')}
          placeholder="all"
          spellcheck={false}
          data-search
        />
      </Field>
      <Field label="From">
        <input type="datetime-local" value={from} onChange={set('from')} />
      </Field>
      <Field label="Before">
        <input type="datetime-local" value={to} onChange={set('to')} />
      </Field>
      {session === '' ? null : <Chip name="session" label={`Session ${session.slice(0, 8)}…`} />}
      {project === '' ? null : <Chip name="project" label={`Project ${projectName(project)}`} />}
      {isFiltered(filters) ? (
        <Button
          kind="quiet"
          onClick={() => navigate(Object.fromEntries(turnFilterNames.map((it) => [it, null])))}
        >
          Clear the filters
        </Button>
      ) : null}
    </form>
  );
}

/** Returns the handler of a field: its value goes into the address. */
function set(name: keyof TurnFilters) {
  return (event: { readonly currentTarget: { readonly value: string } }) =>
    navigate({ [name]: event.currentTarget.value }, 'replace');
}

/** A filter that only a link sets: it can be taken back. */
function Chip({ name, label }: { name: 'session' | 'project'; label: string }) {
  return (
    <Button onClick={() => navigate({ [name]: null })} title={`Show every ${name}`}>
      {label} <span aria-hidden="true">✕</span>
      <span class="visually-hidden"> – remove this filter</span>
    </Button>
  );
}

/** Returns the name of a project if a live turn has it, else the beginning of its hash. */
function projectName(hash: string): string {
  for (const id of live.requestIds.value) {
    const project = live.request(id)?.project ?? null;
    if (project?.hash === hash) return project.name;
  }
  return `${hash.slice(0, 8)}…`;
}

import { useSignal } from '@preact/signals';
import { live } from '../state/live.js';
import { Copy } from '../ui/copy.js';
import { Section } from '../ui/section.js';
import { Time } from '../ui/text.js';
import { type ConfigForm, configBlock, configNote } from './config-block.js';

const forms: readonly (readonly [ConfigForm, string])[] = [
  ['keys', 'For the built-in provider (two lines)'],
  ['provider', 'As a provider of its own'],
];

/** The block for Codex's config.toml, and when Codex was last seen. */
export function ConfigSection() {
  const form = useSignal<ConfigForm>('keys');
  const block = configBlock(form.value, location.origin);
  return (
    <Section title="Point Codex at the pool" aside={<ClientSeen />}>
      <fieldset class="set-up-forms wrap">
        <legend class="visually-hidden">Form of the block</legend>
        {forms.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="config-form"
              value={value}
              checked={form.value === value}
              onChange={() => (form.value = value)}
            />{' '}
            {label}
          </label>
        ))}
      </fieldset>
      <div class="set-up-block">
        <pre>
          <code>{block}</code>
        </pre>
        <Copy text={block} of="the block for config.toml" />
      </div>
      <p class="quiet">{configNote(form.value)} A Codex that runs already must be started anew.</p>
      <Bypass />
    </Section>
  );
}

function ClientSeen() {
  const summary = live.summary.value;
  if (summary === null) return null;
  const { clientSeenAt } = summary;
  if (clientSeenAt === null) {
    return (
      <span>
        <span aria-hidden="true">○ </span>Codex has not been seen since the start
      </span>
    );
  }
  return (
    <span>
      <span aria-hidden="true">● </span>Codex was last seen <Time at={clientSeenAt} as="ago" />
    </span>
  );
}

/** Codex asks for models but sends its turns elsewhere: a wrong provider in its config. */
function Bypass() {
  const problem = live.summary.value?.problems.find((it) => it.code === 'turns-bypass');
  return problem === undefined ? null : (
    <p class="problem-note" role="alert">
      {problem.sentence}
    </p>
  );
}

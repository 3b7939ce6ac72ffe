import { useSignal } from '@preact/signals';
import type { SettingsView } from '../../api/settings.js';
import { policyWords } from '../../wording/decision-words.js';
import { call } from '../state/api-client.js';
import { say } from '../state/notice.js';
import { type Resource, useResource } from '../state/resource.js';
import { ActionButton } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { Loaded, Section } from '../ui/section.js';
import { Table, type Column } from '../ui/table.js';

type Setting = SettingsView['settings'][number];
/** The settings after a change. `persisted`: whether it survives a restart. */
type Changed = SettingsView & { readonly persisted?: boolean };
/** Null: back to the configured value. */
type Change = Readonly<Partial<Record<'policy' | 'debug' | 'notifyUrl', string | boolean | null>>>;

/** The settings in force, with their source, and fields for those that may change while the program runs. */
export function SettingsSection() {
  const settings = useResource<SettingsView>('/admin/settings');
  return (
    <Section title="Settings">
      <Loaded resource={settings}>
        {(value) => (
          <>
            <Changeable view={value} resource={settings} />
            <details>
              <summary>All settings in force</summary>
              <Table
                caption="Settings in force"
                hasQuietCaption
                columns={columns}
                rows={value.settings}
                keyOf={(it) => it.name}
              />
            </details>
          </>
        )}
      </Loaded>
    </Section>
  );
}

const sources: Readonly<Record<Setting['source'], string>> = {
  default: 'default',
  environment: 'environment',
  '.env': '.env file',
  operator: 'changed here',
};

const columns: readonly Column<Setting>[] = [
  { key: 'name', title: 'Name', cell: (it) => <code>{it.name}</code> },
  { key: 'value', title: 'Value', cell: (it) => <bdi>{it.value === '' ? 'none' : it.value}</bdi> },
  { key: 'source', title: 'Source', cell: (it) => sources[it.source] },
];

interface ChangeableProps {
  readonly view: SettingsView;
  readonly resource: Resource<SettingsView>;
}

function Changeable({ view, resource }: ChangeableProps) {
  const find = (name: string) => view.settings.find((it) => it.name === name && it.changeable);
  const [policy, debug, notify] = [find('PROXY_POLICY'), find('PROXY_DEBUG'), find('PROXY_NOTIFY_URL')];
  const change = async (changes: Change, done: string) => {
    const reply = await call<Changed>('/admin/settings', { method: 'PATCH', body: changes });
    if (reply.ok) say(doneWords(reply.value, done));
    else say(reply.problem.detail, true);
    await resource.load();
  };
  return (
    <div class="set-up-settings">
      {policy === undefined ? null : (
        <Field label="Policy" hint="Chooses the account of a new session.">
          <select
            value={policy.value}
            onChange={({ currentTarget: { value } }) =>
              void change({ policy: value }, `New sessions: ${policyWords(value)}.`)
            }
          >
            {view.policies.map((it) => (
              <option key={it} value={it}>
                {it}: {policyWords(it)}
              </option>
            ))}
          </select>
        </Field>
      )}
      {debug === undefined ? null : (
        <label>
          <input
            type="checkbox"
            checked={isOn(debug.value)}
            onChange={({ currentTarget: { checked } }) =>
              void change(
                { debug: checked },
                checked ? 'The log has more lines now.' : 'The log is short again.',
              )
            }
          />{' '}
          More lines in the log, never secrets
        </label>
      )}
      {notify === undefined ? null : <NotifyUrl key={notify.value} setting={notify} resource={resource} />}
      <Reset settings={[policy, debug, notify]} change={change} />
    </div>
  );
}

function NotifyUrl({ setting, resource }: { setting: Setting; resource: Resource<SettingsView> }) {
  const isSet = /^https?:/.test(setting.value);
  const url = useSignal(isSet ? setting.value : '');
  return (
    <div class="wrap set-up-notify">
      <Field
        label="Alerts to"
        hint="Gets a JSON POST when an account needs a login, or the pool is out or back."
      >
        <input
          type="url"
          value={url}
          onInput={({ currentTarget: { value } }) => (url.value = value)}
          placeholder="https://…"
          autocomplete="off"
          spellcheck={false}
        />
      </Field>
      <ActionButton
        disabled={url.value.trim() === (isSet ? setting.value : '')}
        run={async () =>
          call<Changed>('/admin/settings', { method: 'PATCH', body: { notifyUrl: url.value.trim() } })
        }
        done={(after) =>
          doneWords(
            after,
            url.value.trim() === '' ? 'No alerts are sent.' : 'The alerts go there from now on.',
          )
        }
        onDone={() => void resource.load()}
      >
        Save
      </ActionButton>
    </div>
  );
}

interface ResetProps {
  readonly settings: readonly (Setting | undefined)[];
  readonly change: (changes: Change, done: string) => Promise<void>;
}

/** Takes back what was changed here. */
function Reset({ settings, change }: ResetProps) {
  if (!settings.some((it) => it?.source === 'operator')) return null;
  return (
    <button
      type="button"
      class="button"
      onClick={() =>
        void change({ policy: null, debug: null, notifyUrl: null }, 'The configured values hold again.')
      }
    >
      Back to the configured values
    </button>
  );
}

function doneWords({ persisted }: Changed, done: string): string {
  return persisted === false ? `${done} It could not be stored, so it holds until the next start.` : done;
}

function isOn(value: string): boolean {
  return value === '1' || value === 'true' || value === 'on';
}

import type { DoctorView } from '../../api/doctor.js';
import { useResource } from '../state/resource.js';
import { Button } from '../ui/button.js';
import { Copy } from '../ui/copy.js';
import { Loaded, Section } from '../ui/section.js';
import { type Column, Table } from '../ui/table.js';
import { Time } from '../ui/text.js';
import { commandIn, doctorSentence, findingsIn, type FoundBy } from './doctor-words.js';

/** The findings of `codex-pool doctor`, with the reason and the repair of each. */
export function DoctorSection() {
  const report = useResource<DoctorView>('/admin/doctor');
  const isLoading = report.isLoading.value;
  return (
    <Section
      title="Checks of the set-up"
      aside={
        <Button onClick={() => void report.load()} disabled={isLoading}>
          {isLoading ? 'Checking …' : 'Check again'}
        </Button>
      }
    >
      <Loaded resource={report}>{(value) => <Report report={value} />}</Loaded>
    </Section>
  );
}

const columns: readonly Column<DoctorView['checks'][number]>[] = [
  { key: 'check', title: 'Check', cell: (it) => it.check },
  { key: 'fact', title: 'Found', cell: (it) => <bdi>{it.fact}</bdi> },
];

function Report({ report }: { report: DoctorView }) {
  const { checks, checkedAt } = report;
  return (
    <>
      <p role="status">
        {doctorSentence(checks)}{' '}
        <span class="quiet">
          As the program sees this machine, <Time at={checkedAt} as="ago" />.
        </span>
      </p>
      <ul class="set-up-findings">
        {findingsIn(checks).map((it) => (
          <FindingItem key={`${it.check} ${it.finding.code} ${it.finding.problem}`} found={it} />
        ))}
      </ul>
      <details>
        <summary>All checks</summary>
        <Table
          caption="All checks"
          hasQuietCaption
          columns={columns}
          rows={checks}
          keyOf={(it) => it.check}
        />
      </details>
    </>
  );
}

function FindingItem({ found: { check, finding } }: { found: FoundBy }) {
  const { level, problem, why, repair } = finding;
  const command = commandIn(repair);
  return (
    <li class={level === 'finding' ? 'set-up-fault' : undefined}>
      <p>
        <span aria-hidden="true">{level === 'finding' ? '▲ ' : '○ '}</span>
        <span class="quiet">{check}: </span>
        <Words of={problem} />{' '}
        <span class="quiet">
          <Words of={why} />
        </span>
      </p>
      <p class="set-up-repair">
        <span aria-hidden="true">→ </span>
        <span class="visually-hidden">Repair: </span>
        {command === null ? <Words of={repair} /> : <code>{command}</code>}
        {command === null ? null : <Copy text={command} of="the command" />}
      </p>
    </li>
  );
}

/** A text of the command line: its parts in backticks are code. */
function Words({ of }: { of: string }) {
  return (
    <bdi>{of.split('`').map((it, index) => (index % 2 === 1 ? <code key={index}>{it}</code> : it))}</bdi>
  );
}

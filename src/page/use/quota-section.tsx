import { useMemo } from 'preact/hooks';
import { percent } from '../../wording/times.js';
import { live } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { navigate } from '../state/router.js';
import { Field } from '../ui/field.js';
import { Empty, Loaded, Section } from '../ui/section.js';
import { PlotFigure } from './plot-figure.js';
import { type QuotaSample, quotaPlot, resetMarks } from './quota-series.js';
import { quotaSentence } from './sentences.js';

interface Props {
  /** Name of the account; empty for the first. */
  readonly account: string;
  readonly from: number;
  readonly to: number | null;
}

/** The history of one account's quota windows, with a mark at each reset. */
export function QuotaSection({ account, from, to }: Props) {
  const names = live.accountNames.value;
  const shown = account === '' ? (names[0] ?? '') : account;
  // To the minute, so that an open page asks once.
  const since = Math.floor(from / 60_000) * 60_000;
  const path = shown === '' ? null : `/admin/accounts/${encodeURIComponent(shown)}/quota?since=${since}`;
  const samples = useResource<readonly QuotaSample[]>(path);
  if (shown === '') {
    return (
      <Section title="Quota history">
        <Empty action={<a href="/?view=set-up">Set-up</a>}>No account yet.</Empty>
      </Section>
    );
  }
  const choices = names.includes(shown) ? names : [shown, ...names];
  const choice = (
    <Field label="Account">
      <select
        value={shown}
        onChange={({ currentTarget: { value } }) => navigate({ account: value }, 'replace')}
      >
        {choices.map((it) => (
          <option key={it} value={it}>
            {it}
          </option>
        ))}
      </select>
    </Field>
  );
  return (
    <Section title="Quota history" aside={choice}>
      <Loaded resource={samples}>{(all) => <QuotaHistory samples={all} to={to} account={shown} />}</Loaded>
    </Section>
  );
}

/** The history of the windows of one account, from samples that are there, until `to`. */
export function QuotaHistory({
  samples,
  to,
  account,
}: {
  samples: readonly QuotaSample[];
  to: number | null;
  account: string;
}) {
  const { data, marks, sentence } = useMemo(() => {
    const inSpan = to === null ? samples : samples.filter((it) => it.seenAt < to);
    const resets = resetMarks(inSpan);
    return {
      data: quotaPlot(inSpan),
      marks: resets.map((it) => it.at),
      sentence: quotaSentence(inSpan, resets),
    };
  }, [samples, to]);
  const most = Math.max(100, ...data.series.flatMap((it) => it.values.map((value) => value ?? 0)));
  return (
    <PlotFigure
      title={`Used share of the quota of ${account}`}
      sentence={`${sentence}${marks.length > 0 ? ' Dashed lines are resets.' : ''}`}
      data={data}
      kind="lines"
      format={percentOf}
      marks={marks}
      most={most}
    />
  );
}

function percentOf(value: number): string {
  return value > 100 ? `${Math.round(value)} %` : percent(value / 100);
}

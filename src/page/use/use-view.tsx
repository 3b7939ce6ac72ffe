import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { UsageSplit, UsageView } from '../../api/usage.js';
import { amount, percent } from '../../wording/times.js';
import { lengthWords } from '../../wording/turn-words.js';
import { now } from '../state/clock.js';
import { live } from '../state/live.js';
import { query } from '../state/router.js';
import { Empty, ProblemNote, Section } from '../ui/section.js';
import { Unknown } from '../ui/text.js';
import { GroupTable } from './group-table.js';
import { costWords, groupName } from './group-words.js';
import { PlotFigure } from './plot-figure.js';
import { QuotaSection } from './quota-section.js';
import { cachedSentence, spanSentence, tokenSentence } from './sentences.js';
import { SpanBar } from './span-bar.js';
import { type Span, spanOf, usageQuery, useQuestionIn } from './span.js';
import { useReport } from './usage-report.js';
import { cachedPlot, tokenPlot } from './usage-series.js';

/** The use of the pool over a span that stands in the address: sums, plots, quota history. */
export function UseView() {
  const question = useQuestionIn(query.value);
  // The span is taken once per question: a page that stays open does not ask anew each second.
  const asked = JSON.stringify([question.span, question.from, question.to]);
  const at = useMemo(() => now.peek(), [asked]);
  const span = spanOf(question, at);
  const tz = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const search = usageQuery(span, question.by, tz).toString();
  return (
    <>
      <Section
        title="Use"
        aside={
          <a href={`/admin/usage.csv?${search}`} download="codex-pool-usage.csv">
            CSV
          </a>
        }
      >
        <SpanBar question={question} span={span} now={at} />
        <UsageReport path={`/admin/usage?${search}`} span={{ ...span, to: span.to ?? at }} by={question.by} />
      </Section>
      <QuotaSection account={question.account} from={span.from} to={span.to} />
    </>
  );
}

type WholeSpan = Span & { readonly to: number };

function UsageReport({ path, span, by }: { path: string; span: WholeSpan; by: UsageSplit }) {
  const { value, problem, isLoading, load } = useReport(path);
  return (
    <div class={isLoading ? 'loading' : undefined} aria-busy={isLoading}>
      {problem === null ? null : <ProblemNote problem={problem} onRetry={load} />}
      {value === null ? (
        problem === null && <p class="quiet">Loading …</p>
      ) : (
        <Shown usage={value} span={span} by={by} />
      )}
    </div>
  );
}

function Shown({ usage, span, by }: { usage: UsageView; span: WholeSpan; by: UsageSplit }) {
  const { from, to, bucket } = span;
  const [tokens, cached] = useMemo(() => {
    const whole = { from, to, bucket };
    return [tokenPlot(usage.hours, whole), cachedPlot(usage.hours, whole)];
  }, [usage, from, to, bucket]);
  if (usage.totals.turns === 0) return <NoUse />;
  return (
    <div class="use-report">
      <Totals usage={usage} />
      <PlotFigure
        title={`Tokens, ${spanSentence(span, bucket)}`}
        sentence={tokenSentence(usage, (it) => groupName(it, by))}
        data={tokens}
        kind="bars"
        format={amount}
      />
      <GroupTable usage={usage} by={by} />
      <PlotFigure
        title="Cached share of the input"
        sentence={cachedSentence(usage)}
        data={cached}
        kind="lines"
        format={percentOf}
        most={100}
      />
    </div>
  );
}

function Totals({ usage: { totals, firstByteMs, failovers } }: { usage: UsageView }) {
  const noTurn = <Unknown why="single turns of this span are not kept any more" />;
  return (
    <dl class="use-totals">
      <Total name="Turns">{totals.turns.toLocaleString('en')}</Total>
      <Total name="Input">{amount(totals.input)}</Total>
      <Total name="Output">{amount(totals.output)}</Total>
      <Total name="Sent again after a move">{amount(totals.resent)}</Total>
      <Total name="First byte, median">{firstByteMs === null ? noTurn : lengthWords(firstByteMs.p50)}</Total>
      <Total name="First byte, 95th percentile">
        {firstByteMs === null ? noTurn : lengthWords(firstByteMs.p95)}
      </Total>
      <Total name="Failovers">{failovers.toLocaleString('en')}</Total>
      {totals.cost === undefined ? null : (
        <Total name="API-equivalent, not a bill">
          {totals.cost === null ? <Unknown why="a model has no price" /> : costWords(totals.cost)}
        </Total>
      )}
    </dl>
  );
}

function Total({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function NoUse() {
  const summary = live.summary.value;
  if (summary !== null && summary.today.turns > 0) return <Empty>No turn in this span.</Empty>;
  return (
    <Empty action={<a href="/?view=set-up">Set-up</a>}>
      No turn in this span. If Codex is in use, check that it points at the pool.
    </Empty>
  );
}

function percentOf(value: number): string {
  return percent(value / 100);
}

import { judge, metrics } from '../aims.mjs';

const names = ['direct', 'nginx', 'bare Node', 'codex-pool'];

function cell(figure, digits) {
  if (figure === undefined) return '–';
  const [median, min, max] = [figure.median, figure.min, figure.max].map((it) => it.toFixed(digits));
  return `${median} (${min} to ${max})`;
}

function ratio(targets, { id, isDifference }) {
  if (isDifference === true) return '–'; // nginx adds almost nothing, so a ratio to it is meaningless
  const own = targets['codex-pool'][id]?.median;
  const nginx = targets.nginx?.[id]?.median;
  return own === undefined || nginx === undefined || nginx <= 0 ? '–' : (own / nginx).toFixed(1);
}

function aimText({ aim, unit }) {
  if (aim === undefined) return '';
  return aim.atMost === undefined ? `≤ ${aim.ratioToNginx} × nginx` : `≤ ${aim.atMost} ${unit}`;
}

function verdict(metric, targets) {
  const judged = judge(metric, targets);
  if (judged === null) return '';
  return judged.isMet ? 'met' : `missed: ${(judged.value / judged.bound).toFixed(1)} × the goal`;
}

function rows({ targets }) {
  const shown = names.filter((it) => targets[it] !== undefined);
  const head = ['', ...shown, ...(targets.nginx === undefined ? [] : ['to nginx']), 'goal', ''];
  const body = metrics.map((metric) => [
    `${metric.title}, ${metric.unit}`,
    ...shown.map((it) => cell(targets[it][metric.id], metric.digits)),
    ...(targets.nginx === undefined ? [] : [ratio(targets, metric)]),
    aimText(metric),
    verdict(metric, targets),
  ]);
  return [head, ...body];
}

function padded(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) => row.map((text, column) => text.padEnd(widths[column])));
}

export function plainTable(result) {
  return padded(rows(result))
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}

function markdownTable(result) {
  const [head, ...body] = rows(result);
  const rule = head.map(() => '---');
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function shortfalls({ targets }) {
  const missed = metrics.filter((it) => judge(it, targets)?.isMet === false);
  if (missed.length === 0) return 'Every goal is met.';
  const lines = missed.map((it) => {
    const { value, bound } = judge(it, targets);
    const unit = it.aim.atMost === undefined ? '× nginx' : it.unit;
    return `- ${it.title}: ${value.toFixed(it.digits)} ${unit} instead of at most ${bound} ${unit}.`;
  });
  return ['Missed goals:', '', ...lines].join('\n');
}

/** Returns the page: the figures of one run, then `notes`, which explain them, and `usage`: figures of other runs. */
export function page(result, notes, usage) {
  const { machine, setup, measuredAt } = result;
  const compared = machine.nginx === null ? 'nginx not installed, so not compared' : `nginx ${machine.nginx}`;
  return `# Benchmarks

Written by \`npm run bench -- --write-docs\`; do not edit. The sections "Where the time goes" and "A year of usage" are copied from \`bench/notes.md\` and \`bench/usage-notes.md\`.

Measured on ${measuredAt.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.kernel}; Node ${machine.node}, ${compared}. The machine's load at the start was ${machine.loadAverage.toFixed(1)}: with few cores and other work running, the ratios are more reliable than the times.

Median of ${setup.rounds} rounds (minimum to maximum).

${markdownTable(result)}

${shortfalls(result)}

## How it is measured

The load, the upstream and the measured program are separate processes on loopback. A round measures each target in turn, and each round starts with a different one, so that other work on the machine affects all of them alike. nginx is a plain reverse proxy: one worker, \`proxy_buffering off\`, upstream keep-alive, no access log. "bare Node" is Node's own \`http\` on both sides with a pipe between them (\`bench/targets/bare-node.mjs\`), which is the minimum cost on this runtime. codex-pool runs as by \`npm start\`, with three made-up accounts.

- **CPU per turn**: user and system time of the process over ${setup.cpuTurns} turns, ${setup.cpuLanes} at a time. A turn is a JSON request of ${(setup.requestBytes / 1_000).toFixed(0)} KB and a response of ${setup.responseEvents} events, ${(setup.responseBytes / 1_000).toFixed(0)} KB. Upstream sends it at once, with one chunk per event.
- **First byte**: time from the first byte of the request to the first byte of the response body, over ${setup.latencyTurns} turns, one after another. "Added" is the difference from direct in the same round.
- **Largest gap**: ${setup.streams} streams side by side, an event every ${setup.everyMs} ms, ${setup.streamEvents} events each; the figure is each stream's longest time between two arrivals. "Over direct" is the difference in the same round. **CPU per event** is measured over these streams, including the start of their turns.
- **Memory**: resident set size, ${setup.idleMs / 1_000} s after the start and after each round of load. **Start**: time since the process was spawned.

## Where the time goes

${notes.trim()}

## A year of usage

${usage.trim()}
`;
}

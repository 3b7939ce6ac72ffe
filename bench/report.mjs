import { judge, metrics } from './metrics.mjs';

const names = ['direct', 'nginx', 'bare Node', 'codex-pool'];

function cell(figure, digits) {
  if (figure === undefined) return '–';
  const [median, min, max] = [figure.median, figure.min, figure.max].map((it) => it.toFixed(digits));
  return `${median} (${min} to ${max})`;
}

function ratio(targets, { id, isDifference }) {
  if (isDifference === true) return '–'; // nginx adds next to nothing: a ratio to that says nothing
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
  return judged.isMet ? 'met' : `missed: ${(judged.value / judged.bound).toFixed(1)} × the aim`;
}

function rows({ targets }) {
  const shown = names.filter((it) => targets[it] !== undefined);
  const head = ['', ...shown, ...(targets.nginx === undefined ? [] : ['to nginx']), 'aim', ''];
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
  const [head, ...body] = padded(rows(result));
  const rule = head.map((it) => '-'.repeat(Math.max(3, it.length)));
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function shortfalls({ targets }) {
  const missed = metrics.filter((it) => judge(it, targets)?.isMet === false);
  if (missed.length === 0) return 'Every aim is met.';
  const lines = missed.map((it) => {
    const { value, bound } = judge(it, targets);
    const unit = it.aim.atMost === undefined ? '× nginx' : it.unit;
    return `- ${it.title}: ${value.toFixed(it.digits)} ${unit} where at most ${bound} ${unit} is the aim.`;
  });
  return ['Where it falls short:', '', ...lines].join('\n');
}

/** The page: figures of one run, then what a profile tells about them. */
export function page(result, notes) {
  const { machine, setup, measuredAt } = result;
  const compared = machine.nginx === null ? 'nginx was not there to compare with' : `nginx ${machine.nginx}`;
  return `# Benchmarks

Made by \`npm run bench -- --write-docs\`; do not edit. What stands under "Where the time goes" is written by hand in \`bench/notes.md\`.

Measured on ${measuredAt.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.kernel}; Node ${machine.node}, ${compared}. The load of the machine at the start was ${machine.loadAverage.toFixed(1)}: with few cores and other work beside it, the ratios say more than the times.

Median of ${setup.rounds} rounds (least to largest).

${markdownTable(result)}

${shortfalls(result)}

## How it is measured

Load, upstream and the measured process are processes of their own, on loopback. A round measures each of them one after another, and every round begins with another one; so what else the machine does hits all alike. nginx is a plain reverse proxy: one worker, \`proxy_buffering off\`, upstream connections kept, no access log. "bare Node" is Node's own \`http\` on both sides with a pipe between (\`bench/bare-node.mjs\`): the least that anything on it costs. codex-pool runs as \`npm start\` starts it, with three made-up accounts.

- **CPU per turn**: user and system time of the process over ${setup.cpuTurns} turns, ${setup.cpuLanes} at a time. A turn is a JSON request of ${(setup.requestBytes / 1_000).toFixed(0)} KB and an answer of ${setup.answerEvents} events, ${(setup.answerBytes / 1_000).toFixed(0)} KB, that upstream sends at once, each event as a chunk of its own.
- **First byte**: from the first byte of the request to the first of the answer's body, ${setup.latencyTurns} turns, one after another. "Added" is the same less direct, of the same round.
- **Largest gap**: ${setup.streams} streams side by side, an event every ${setup.everyMs} ms, ${setup.streamEvents} events each; of each stream the longest time between two arrivals. "Over direct" is within the same round. **CPU per event** is that of these streams, the start of their turns included.
- **Memory**: resident, ${setup.idleMs / 1_000} s after the start, and after each round of load. **Start**: from the spawn of the process.

## Where the time goes

${notes.trim()}
`;
}

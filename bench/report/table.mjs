import { judgedAims } from '../aims.mjs';
import { median } from '../figure.mjs';
import { tlsPairs } from '../scenarios/scenarios.mjs';
import { targetNames } from '../targets/worlds.mjs';

const NONE = '–';

function cell(figure, digits) {
  if (figure === undefined) return NONE;
  const [middle, min, max] = [figure.median, figure.min, figure.max].map((it) => it.toFixed(digits));
  return `${middle} (${min} to ${max})`;
}

/** codex-pool's ratio to another target; none for differences, which may be near zero. */
function ratio(figures, path, metric, to) {
  const [own, other] = ['codex-pool', to].map((it) => median(figures, path, it));
  if (metric.from !== undefined || own === undefined || other === undefined || other <= 0) return NONE;
  return (own / other).toFixed(2);
}

/** The rows of some groups of figures, the head first. A group that was not measured has none. */
export function figureRows({ figures, machine }, groups) {
  const names = targetNames.filter((it) => it !== 'nginx' || machine.nginx !== null);
  const compared = names.filter((it) => it === 'nginx' || it === 'bare Node');
  const body = groups.flatMap((group) =>
    group.metrics
      .filter((it) => Object.values(figures[group.id] ?? {}).some((of) => of[it.id] !== undefined))
      .map((metric) => [
        `${group.title}: ${metric.title}, ${metric.unit}`,
        ...names.map((it) => cell(figures[group.id][it]?.[metric.id], metric.digits)),
        ...compared.map((it) => ratio(figures, `${group.id}.${metric.id}`, metric, it)),
      ]),
  );
  return [['', ...names, ...compared.map((it) => `to ${it}`)], ...body];
}

/** Each scenario over TLS beside the same over a plain upstream: a column of each for every target. */
export function tlsRows({ figures, machine }) {
  const names = targetNames.filter((it) => it !== 'nginx' || machine.nginx !== null);
  const body = tlsPairs.flatMap(([plain, tls]) =>
    tls.metrics.map((metric) => {
      const medianOf = ({ id }, name) => median(figures, `${id}.${metric.id}`, name);
      const shown = (it, name) => medianOf(it, name)?.toFixed(metric.digits) ?? NONE;
      return [
        `${plain.title}: ${metric.title}, ${metric.unit}`,
        ...names.flatMap((name) => [shown(plain, name), shown(tls, name)]),
        ...[plain, tls].map((it) => ratio(figures, `${it.id}.${metric.id}`, metric, 'bare Node')),
      ];
    }),
  );
  const head = [...names, 'to bare Node'].flatMap((it) => [it, `${it}, TLS`]);
  return [['', ...head], ...body];
}

const inUnit = ({ to, unit }, value) =>
  to === undefined ? `${Number(value.toPrecision(3))} ${unit}` : `${Number(value.toPrecision(3))} × ${to}`;

function verdict({ value, atMost, isMet }) {
  if (isMet === null) return 'not measured';
  return isMet ? 'met' : `missed by ${Math.round((value / atMost - 1) * 100)} %`;
}

/** The rows of the goals, the head first. */
export function aimRows({ figures }) {
  const body = judgedAims(figures).map((aim) => [
    aim.title,
    `≤ ${inUnit(aim, aim.atMost)}`,
    aim.value === undefined ? NONE : inUnit(aim, aim.value),
    verdict(aim),
  ]);
  return [['Measure', 'Goal', 'Measured', ''], ...body];
}

export function markdownTable([head, ...body]) {
  return [head, head.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export function paddedTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((text, column) => text.padEnd(widths[column])).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

import { register } from 'prom-client';
import { z } from 'zod';
import { faultPlaces } from '../../../src/observability/faults.js';
import { troubleKinds } from '../../../src/observability/upstream-health.js';
import type { Route } from '../../../src/proxy/ingress/routes.js';
import type { AttemptOutcome } from '../../../src/proxy/outcome/outcome.js';
import type { ShownQuery } from './ops-files.js';
import { partsOf, type Selection } from './promql.js';

/** Labels that Prometheus adds when it scrapes. */
const SCRAPED = ['instance', 'job'];
/** A metric of Prometheus itself. */
const UP = 'up';

/** Values of labels with a closed list that a query may name; the compiler compares them with the program. */
const routes: readonly Route['kind'][] = ['turn', 'images', 'session', 'home', 'models', 'websocket'];
const outcomes: readonly AttemptOutcome['kind'][] = [
  'success',
  'opened',
  'client-gone',
  'needs-login',
  'deactivated',
];
const closedLists: Readonly<Record<string, readonly string[]>> = {
  route: routes,
  outcome: outcomes,
  where: faultPlaces,
  kind: troubleKinds,
  status: ['1xx', '2xx', '3xx', '4xx', '5xx', '499'],
};

const declared = z.object({ labelNames: z.array(z.string()) });

/** Returns the labels that a metric of this process declares. @throws ZodError if there is no such metric */
export function declaredLabels(name: string): readonly string[] {
  return declared.parse(register.getSingleMetric(name)).labelNames;
}

/** Returns the type of each series in the text of `/metrics`, by its name; a histogram has three series. */
export function seriesTypes(metrics: string): ReadonlyMap<string, string> {
  const types = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Map(
    types.flatMap(([, name = '', type = '']): [string, string][] =>
      type === 'histogram'
        ? [`${name}_bucket`, `${name}_sum`, `${name}_count`].map((it) => [it, type])
        : [[name, type]],
    ),
  );
}

/**
 * Returns sentences about all that a query asks for and the program does not have, and about functions that do not fit
 * the type of a metric. The metrics of this process must be registered.
 * @param types of the series, from `/metrics`
 */
export function queryFaults({ expr, shows }: ShownQuery, types: ReadonlyMap<string, string>): string[] {
  const { selections, groupings, keeps } = partsOf(expr);
  const missing = selections.map((it) => it.metric).filter((it) => it !== UP && !types.has(it));
  if (missing.length > 0) return missing.map((it) => `there is no ${it}`);
  const known = new Set(selections.flatMap((it) => labelsOf(it.metric)));
  return [
    ...selections.flatMap((it) => [...functionFaults(it, types.get(it.metric)), ...labelFaults(it)]),
    ...groupings.filter((it) => !known.has(it)).map((it) => `no metric has the label ${it}`),
    ...shows
      .filter((it) => !(keeps ?? [...known]).includes(it))
      .map((it) => `its text shows ${it}, which the result has not`),
    ...(expr.includes('histogram_quantile') && !groupings.includes('le') ? ['le is summed up'] : []),
  ];
}

function functionFaults({ metric, functions }: Selection, type: string | undefined): string[] {
  const isCounting = functions.some((it) => it === 'rate' || it === 'increase');
  const isQuantile = functions.includes('histogram_quantile');
  return [
    ...(isCounting && type === 'gauge' ? [`${metric} is a gauge`] : []),
    ...(isQuantile === metric.endsWith('_bucket') ? [] : [`${metric} and histogram_quantile do not fit`]),
    ...(isQuantile && !isCounting ? [`${metric} counts since the start`] : []),
  ];
}

function labelFaults({ metric, matches }: Selection): string[] {
  const labels = labelsOf(metric);
  return matches.flatMap(({ label, operator, value }) => {
    if (!labels.includes(label)) return [`${metric} has no label ${label}`];
    if (SCRAPED.includes(label)) return [];
    const values = operator.endsWith('~') ? value.split('|') : [value];
    return values
      .filter((it) => closedLists[label]?.includes(it) !== true)
      .map((it) => `${label} is never ${it}`);
  });
}

function labelsOf(series: string): readonly string[] {
  if (series === UP) return SCRAPED;
  const own = declaredLabels(series.replace(/_(bucket|sum|count)$/, ''));
  return [...own, ...SCRAPED, ...(series.endsWith('_bucket') ? ['le'] : [])];
}

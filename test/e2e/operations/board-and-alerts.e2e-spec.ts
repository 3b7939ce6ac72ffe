import { describe, expect, it } from 'vitest';
import { tableRows } from '../../support/operations/document.js';
import { alertQueries, alertRules, board, boardQueries } from '../../support/operations/ops-files.js';
import { partsOf } from '../../support/operations/promql.js';
import { declaredLabels, queryFaults, seriesTypes } from '../../support/operations/query-faults.js';
import { TestPool } from '../../support/pool/pool.js';

const queries = [...boardQueries(), ...alertQueries()];

/** Returns the text of `/metrics` after a turn. The metrics of this process are registered then. */
async function metrics(): Promise<string> {
  await using pool = await TestPool.start();
  await pool.turn().expect(200);
  return (await pool.client.get('/metrics').expect(200)).text;
}

describe('the Grafana board and the alert rules', () => {
  it('use metrics and labels that the program has, by their type', async () => {
    const types = seriesTypes(await metrics());
    expect(types.size).toBeGreaterThan(40);
    expect(queries.length).toBeGreaterThan(25);
    const faults = queries.flatMap((it) => queryFaults(it, types).map((fault) => `${it.title}: ${fault}`));
    expect(faults).toEqual([]);
  });

  it('leave out two metrics of the program, on purpose', async () => {
    const own = [...(await metrics()).matchAll(/^# TYPE (codex_pool_\S+)/gm)].map((it) => it[1] ?? '');
    const used = queries.flatMap(({ expr }) => partsOf(expr).selections.map((it) => it.metric));
    const unused = own.filter((name) => !used.some((it) => it === name || it === `${name}_bucket`));
    expect(unused).toEqual(['codex_pool_account_credits', 'codex_pool_unreplayable_requests_total']);
  });

  it.each([
    ['rate(codex_pool_made_up_total[5m])', 'there is no codex_pool_made_up_total'],
    ['rate(codex_pool_in_flight[5m])', 'codex_pool_in_flight is a gauge'],
    ['sum by (colour) (codex_pool_in_flight)', 'no metric has the label colour'],
    ['codex_pool_in_flight{route="turn"}', 'codex_pool_in_flight has no label route'],
    ['codex_pool_requests_total{route=~"turn|made-up"}', 'route is never made-up'],
    ['histogram_quantile(0.9, sum(rate(codex_pool_first_byte_seconds_bucket[5m])))', 'le is summed up'],
    [
      'histogram_quantile(0.9, codex_pool_in_flight)',
      'codex_pool_in_flight and histogram_quantile do not fit',
    ],
  ])('would be found wrong with %s', async (expr, fault) => {
    const types = seriesTypes(await metrics());
    expect(queryFaults({ title: '', expr, shows: [] }, types)).toContain(fault);
  });

  it('would be found wrong with a text that shows a label of no result', async () => {
    const types = seriesTypes(await metrics());
    const query = { title: '', expr: 'sum by (instance) (codex_pool_in_flight)', shows: ['account'] };
    expect(queryFaults(query, types)).toEqual(['its text shows account, which the result has not']);
  });
});

describe('the Grafana board', () => {
  it('has panels that lie beside each other, with ids and titles of their own', () => {
    const { panels } = board();
    expect(new Set(panels.map((it) => it.id)).size).toBe(panels.length);
    expect(new Set(panels.map((it) => it.title)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, it) => `${x + (it % w)},${y + Math.floor(it / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  it('asks only for variables that it defines', () => {
    const defined = board().templating.list.map((it) => it.name);
    const asked = [...JSON.stringify(board().panels).matchAll(/\$\{?(\w+)/g)].map((it) => it[1] ?? '');
    expect(asked).toContain('instance');
    expect(asked.filter((it) => !it.startsWith('__') && !defined.includes(it))).toEqual([]);
  });
});

describe('the reader of PromQL', () => {
  it.each(['sum by (a', 'rate(x[5m]', 'x{a=}', 'x +', 'sum(x))'])('refuses %s', (query) => {
    expect(() => partsOf(query)).toThrow(SyntaxError);
  });
});

describe('docs/operations.md', () => {
  it('lists every metric of the program, with its type and labels', async () => {
    const types = [...(await metrics()).matchAll(/^# TYPE (codex_pool_\S+) (\S+)$/gm)];
    const own = types.map(([, name = '', type = '']) =>
      [name, type, declaredLabels(name).toSorted().join()].join(' '),
    );
    const listed = tableRows('Metrics').map(([name, type, labels = '']) =>
      [name, type, labels.split(', ').toSorted().join()].join(' '),
    );
    expect(listed).toEqual(own.toSorted());
  });

  it('lists every alert, with its severity', () => {
    const rules = alertRules().map(({ alert, labels }) => [alert, labels.severity]);
    expect(tableRows('Alerts').map(([name, severity]) => [name, severity])).toEqual(rules);
  });
});

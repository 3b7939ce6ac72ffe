import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { z } from 'zod';

/** Folder of the project, as a path. */
export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));
export const ALERTS = `${projectFolder}ops/alerts.yaml`;
const BOARD = `${projectFolder}ops/grafana-board.json`;

const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

const boardSchema = z.object({
  uid: z.string(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string(), refId: z.string() })),
    }),
  ),
});

export type AlertRule = z.infer<typeof rulesSchema>['groups'][number]['rules'][number];

export function alertRules(): AlertRule[] {
  return rulesSchema.parse(load(readFileSync(ALERTS, 'utf8'))).groups.flatMap((it) => it.rules);
}

export function board(): z.infer<typeof boardSchema> {
  return boardSchema.parse(JSON.parse(readFileSync(BOARD, 'utf8')));
}

/** A query of the board or of an alert, with the text that shows its labels. */
export interface ShownQuery {
  readonly title: string;
  /** With Grafana's variables replaced. */
  readonly expr: string;
  /** The labels that its title, legend or text shows. */
  readonly shows: readonly string[];
}

export function boardQueries(): ShownQuery[] {
  return board().panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({
      title: `${title}: ${expr}`,
      expr: withoutVariables(expr),
      shows: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((it) => it[1] ?? ''),
    })),
  );
}

export function alertQueries(): ShownQuery[] {
  return alertRules().map(({ alert, expr, annotations }) => ({
    title: alert,
    expr,
    shows: [
      ...Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g),
    ].map((it) => it[1] ?? ''),
  }));
}

function withoutVariables(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(instance|job)/g, '.*');
}

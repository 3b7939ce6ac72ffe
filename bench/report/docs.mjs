import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawnCharts } from './charts.mjs';
import { page } from './page.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = here('../../docs/benchmarks');

/** Writes docs/benchmarks.md, and its charts and figures below docs/benchmarks/. */
export function writeDocs(result) {
  const charts = drawnCharts(result.figures);
  const notes = ['notes.md', 'usage-notes.md'].map((it) => readFileSync(here(`../${it}`), 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const { file, svg } of charts) writeFileSync(`${folder}/${file}`, svg);
  writeFileSync(`${folder}/figures.json`, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(here('../../docs/benchmarks.md'), page(result, charts, ...notes));
}

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const file = new URL('young-generation.ts', import.meta.url).href;

/** Makes much of what it allocates survive, and reports the size of the young generation in MiB. */
const code = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { growYoungGeneration, holdYoungGeneration } from '${file}';
  const spaces = () => getHeapSpaceStatistics().find((it) => it.space_name === 'new_space');
  const sizes = [];
  const load = (isServing) => {
    let kept = [];
    for (let i = 0; i < 2_000_000; i += 1) {
      kept.push({ i });
      if (kept.length > 60_000) kept = [];
      if (isServing && i % 5_000 === 0) growYoungGeneration();
    }
    sizes.push(spaces().space_size / 2 ** 20);
  };
  const rest = () => {
    for (let i = 0; i < 3; i += 1) gc({ type: 'major', flavor: 'last-resort' });
    sizes.push(spaces().space_size / 2 ** 20);
  };
  holdYoungGeneration();
  load(false);
  load(true);
  rest();
  load(true);
  console.log(JSON.stringify(sizes));
`;

describe("V8's young generation", () => {
  it('is held at the start, grows to its bound under load, and grows again after a rest', () => {
    const args = [
      '--expose-gc',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      code,
    ];
    const sizes: number[] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    expect(sizes.map((it) => (it < 16 ? 'small' : it))).toEqual(['small', 16, 'small', 16]);
  });
});

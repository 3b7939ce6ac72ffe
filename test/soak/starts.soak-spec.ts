import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../support/seeded-random.js';
import { RepeatedStarts } from './starts/repeated-starts.js';

/** The long form takes 200; CI's short form less, because each takes about two seconds. */
const starts = Number(process.env['STARTS'] ?? 25);
const seed = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 31));
const MAX_FINDINGS = 5;

describe('starts and stops under load', () => {
  it('leave no port, lock, file or process behind, and cut no turn', async () => {
    process.stdout.write(`${starts} starts (STARTS), SOAK_SEED=${seed}\n`);
    await using repeated = await RepeatedStarts.create(new SeededRandom(seed));
    const findings: string[] = [];
    let [served, early] = [0, 0];
    const beganAt = performance.now();
    for (let number = 1; number <= starts && findings.length < MAX_FINDINGS; number += 1) {
      const start = await repeated.once();
      served += start.served;
      if (start.isEarly) early += 1;
      if (start.findings.length > 0) findings.push(`start ${number}: ${start.findings.join('\n')}`);
    }
    const seconds = Math.round((performance.now() - beganAt) / 1_000);
    const refreshes = repeated.fakeUpstream.tokens.requests.length;
    process.stdout.write(
      `  ${seconds} s; ${early} stopped while starting; ${served} turns served, ${refreshes} refreshes\n`,
    );
    expect(findings).toEqual([]);
    expect(repeated.fakeUpstream.tokens.reuses, 'refresh tokens used twice').toBe(0);
    expect(served).toBeGreaterThan(starts);
  });
});

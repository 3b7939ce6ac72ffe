import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { type Droppable, WriteBehindQueue } from './write-behind-queue.js';

const rowOf = (accountId: string, evidence = '{}') => ({ accountId, updatedAt: 1, evidence });

describe('evidence that waits to be written', () => {
  it('is the newest of each account, however much is learned of it', () => {
    const queue = new WriteBehindQueue(() => undefined);
    for (let i = 0; i < 1_000; i += 1) queue.addEvidence(rowOf(`a${i % 3}`, String(i)));
    expect(queue.size).toBe(3);
    const batch = queue.batch();
    expect(batch.evidence.map((it) => it.evidence)).toEqual(['997', '998', '999']);
    queue.addEvidence(rowOf('a1', 'newer'));
    queue.remove(batch);
    expect(queue.batch().evidence).toEqual([rowOf('a1', 'newer')]);
  });

  it('pushes the oldest out above its bound, and goes out in batches', () => {
    const lost: Droppable[] = [];
    const queue = new WriteBehindQueue((kind) => lost.push(kind));
    for (let i = 0; i < limits.unwrittenEvidence + 2; i += 1) queue.addEvidence(rowOf(`a${i}`));
    expect(lost).toEqual(['evidence', 'evidence']);
    expect(queue.size).toBe(limits.unwrittenEvidence);
    expect(queue.batch().evidence).toHaveLength(limits.writeBatch);
    expect(queue.batch().evidence[0]?.accountId).toBe('a2');
  });
});

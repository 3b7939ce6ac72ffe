import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TickCork } from './tick-cork.js';

/** A connection that shows what each write to the system would contain. */
function connection() {
  const writes: string[] = [];
  const duplex = new Duplex({
    read: () => undefined,
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  return { duplex, writes };
}

describe('the cork of a tick', () => {
  it('lets what is sent in one tick leave in one write, in order', async () => {
    const { duplex, writes } = connection();
    const cork = new TickCork(duplex);
    for (const it of ['a', 'b', 'c']) {
      cork.hold();
      duplex.cork(); // as the library does around each message
      duplex.write(it);
      duplex.write('.');
      duplex.uncork();
    }
    expect(writes).toEqual([]);
    await nextTurn();
    expect(writes).toEqual(['a.b.c.']);
  });

  it('holds nothing beyond the tick, and works again in the next', async () => {
    const { duplex, writes } = connection();
    const cork = new TickCork(duplex);
    cork.hold();
    await nextTurn();
    duplex.write('a');
    expect(writes).toEqual(['a']);
    cork.hold();
    duplex.write('b');
    duplex.end('c');
    await nextTurn();
    expect(writes.join('')).toBe('abc');
  });
});

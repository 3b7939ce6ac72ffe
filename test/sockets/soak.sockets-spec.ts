import { describe, expect, it } from 'vitest';
import { probeAtRest } from './probe.js';
import { Soak } from './soak.js';
import { formatReport } from './soak-report.js';

/** Duration of the turns, and number of sockets. */
const seconds = Number(process.env['SOCKETS_SECONDS'] ?? 40);
const count = Number(process.env['SOCKETS_COUNT'] ?? 200);
/** Bytes. Memory in use varies by about 0.3 MB from one collection to the next. */
const ALLOWED_GROWTH = 1e6;
/** Bytes. Only the RSS shows memory outside V8's accounts, and only coarsely. */
const ALLOWED_RSS_GROWTH = 25e6;

describe('WebSockets held open', () => {
  it('leak no socket, no listener and no memory, and every turn is complete and recorded', async () => {
    const title = `${count} WebSockets for ${seconds} s (SOCKETS_COUNT, SOCKETS_SECONDS)`;
    process.stdout.write(`${title}\n`);
    await using soak = await Soak.start(count);
    const { fakeUpstream, program, turns } = soak;

    // Otherwise code that never ran and a request log that is not full would count as memory of the sockets.
    await soak.open(20);
    await soak.warmUp();
    await soak.leave();
    const before = await probeAtRest(program);
    const connectionsBefore = await soak.connections();

    await soak.open();
    const idle = await probeAtRest(program);
    await soak.warmUp();
    const warm = await probeAtRest(program);
    const warmTurns = soak.completed;
    const samples = [{ seconds: 0, figures: warm }, ...(await soak.run(seconds))];
    const end = samples.at(-1)?.figures ?? warm;
    const withAll = { ...(await soak.connections()), open: fakeUpstream.sockets.open };
    const connectionsUpstream = fakeUpstream.openConnections();

    await soak.leave();
    const left = await probeAtRest(program);
    const after = await soak.connections();
    const rss = { before: before.rss, idle: idle.rss, end: end.rss, left: left.rss };
    const turnsCompared = soak.completed - warmTurns;
    const { slowestMs } = soak;
    const report = {
      title,
      turns: soak.completed,
      slowestMs,
      seconds,
      sockets: count,
      rss,
      samples,
      turnsCompared,
    };
    process.stdout.write(formatReport({ ...report, allowedGrowth: ALLOWED_GROWTH }));

    expect.soft(turns.faults).toEqual([]);
    expect.soft(turns.received.size, 'complete turns').toBe(turns.started);
    expect.soft(soak.received, 'turns that upstream received').toBe(soak.completed);
    await program.untilRecorded(turns.received.size); // a prewarm is no turn on record
    const { totals } = await program.json('/admin/usage');
    expect.soft(totals, 'recorded usage').toMatchObject({ turns: turns.received.size, ...turns.spent });
    expect.soft(await soak.inFlight(), 'in flight').toBe(0);

    expect.soft(withAll).toMatchObject({ open: count, clients: count, upstream: connectionsUpstream });
    expect.soft(fakeUpstream.sockets.open, 'sockets at upstream without a client').toBe(0);
    expect.soft(after.clients, 'connections to disconnected clients').toBe(0);
    expect.soft(after.upstream, 'connections to upstream').toBeLessThanOrEqual(connectionsBefore.upstream);
    expect
      .soft(after.descriptors, 'open files and connections')
      .toBeLessThanOrEqual(connectionsBefore.descriptors);
    expect
      .soft(
        [idle, warm, end, left].map((at) => at.webSockets),
        'WebSocket objects',
      )
      .toEqual([count, count, count, 0].map((it) => 2 * it));

    expect.soft(program.log).not.toContain('MaxListenersExceededWarning');
    // Kept-alive connections have listeners, too, and may close at any time, so only more listeners are a leak.
    for (const [at, most] of [
      [warm, idle],
      [end, idle],
      [left, before],
    ] as const) {
      expect.soft(at.listeners, 'listeners').toBeLessThanOrEqual(most.listeners);
    }

    expect.soft(end.held - warm.held, 'memory left by turns').toBeLessThan(ALLOWED_GROWTH);
    expect.soft(left.held - before.held, 'memory left by sockets').toBeLessThan(2 * ALLOWED_GROWTH);
    expect.soft(end.rss - warm.rss, 'growth of the RSS').toBeLessThan(ALLOWED_RSS_GROWTH);
  });
});

import { describe, expect, it } from 'vitest';
import { probeAtRest } from './probe.js';
import { Soak } from './soak.js';
import { told } from './soak-report.js';

/** How long turns go on, and on how many sockets. */
const seconds = Number(process.env['SOCKETS_SECONDS'] ?? 40);
const count = Number(process.env['SOCKETS_COUNT'] ?? 200);
/** Bytes held after a collection differ by some 0.3 MB from one to the next. */
const MAY_GROW = 1e6;
/** Of memory that nobody accounts for only the RSS tells, and coarsely. */
const RSS_MAY_GROW = 25e6;

describe('WebSockets held open', () => {
  it('leak no socket, no listener and no memory, and every turn is whole and on record', async () => {
    const title = `${count} WebSockets for ${seconds} s (SOCKETS_COUNT, SOCKETS_SECONDS)`;
    process.stdout.write(`${title}\n`);
    await using soak = await Soak.start(count);
    const { fakeUpstream, program, turns } = soak;

    // Code that has never run, and a decision log that is not full, would count as memory of the sockets.
    await soak.open(20);
    await soak.warmUp();
    await soak.leave();
    const before = await probeAtRest(program);
    const without = await soak.connections();

    await soak.open();
    const idle = await probeAtRest(program);
    await soak.warmUp();
    const warm = await probeAtRest(program);
    const warmTurns = soak.answered;
    const samples = [{ seconds: 0, figures: warm }, ...(await soak.run(seconds))];
    const end = samples.at(-1)?.figures ?? warm;
    const withAll = { ...(await soak.connections()), open: fakeUpstream.sockets.open };
    const connectionsUpstream = fakeUpstream.openConnections();

    await soak.leave();
    const left = await probeAtRest(program);
    const after = await soak.connections();
    const rss = { before: before.rss, idle: idle.rss, end: end.rss, left: left.rss };
    const turnsCompared = soak.answered - warmTurns;
    const { slowestMs } = soak;
    const report = {
      title,
      turns: soak.answered,
      slowestMs,
      seconds,
      sockets: count,
      rss,
      samples,
      turnsCompared,
    };
    process.stdout.write(told({ ...report, mayGrow: MAY_GROW }));

    expect.soft(turns.faults).toEqual([]);
    expect.soft(turns.got.size, 'turns that came back').toBe(turns.given);
    expect.soft(soak.asked, 'turns that upstream was asked for').toBe(soak.answered);
    await program.untilRecorded(soak.answered);
    const { totals } = await program.json('/admin/usage');
    expect.soft(totals, 'usage on record').toEqual({ turns: soak.answered, ...turns.spent });
    expect.soft(await soak.inFlight(), 'in flight').toBe(0);

    expect.soft(withAll).toMatchObject({ open: count, clients: count, upstream: connectionsUpstream });
    expect.soft(fakeUpstream.sockets.open, 'sockets at upstream without a client').toBe(0);
    expect.soft(after.clients, 'connections to clients that have left').toBe(0);
    expect.soft(after.upstream, 'connections to upstream').toBeLessThanOrEqual(without.upstream);
    expect.soft(after.descriptors, 'open files and connections').toBeLessThanOrEqual(without.descriptors);
    expect
      .soft(
        [idle, warm, end, left].map((at) => at.webSockets),
        'WebSocket objects',
      )
      .toEqual([count, count, count, 0].map((it) => 2 * it));

    expect.soft(program.log).not.toContain('MaxListenersExceededWarning');
    // Kept connections have listeners, too, and end when they like: never more than before.
    for (const [at, most] of [
      [warm, idle],
      [end, idle],
      [left, before],
    ] as const) {
      expect.soft(at.listeners, 'listeners').toBeLessThanOrEqual(most.listeners);
    }

    expect.soft(end.held - warm.held, 'memory that turns have left').toBeLessThan(MAY_GROW);
    expect.soft(left.held - before.held, 'memory that sockets have left').toBeLessThan(2 * MAY_GROW);
    expect.soft(end.rss - warm.rss, 'growth of the RSS').toBeLessThan(RSS_MAY_GROW);
  });
});

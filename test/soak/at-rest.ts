import { z } from 'zod';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { eventually } from '../support/eventually.js';
import { connectionsOf } from '../support/program/connections.js';
import type { RunningProgram } from '../support/program/usage-program.js';

/**
 * The program keeps idle connections for half a minute, and waits as long for a database that was locked. An account
 * that has failed three times in a row is out for at most five minutes.
 */
const REST_LIMIT_MS = 360_000;

const accountsSchema = z.array(
  z.object({ name: z.string(), inFlight: z.number(), reason: z.string().nullable() }),
);

/**
 * Resolves when the program has nothing left to do: no request or socket, no connection to a client or to upstream, no
 * row to write, and these accounts in its pool, none of which is out.
 */
export async function untilAtRest(
  program: RunningProgram,
  fakeUpstream: FakeUpstream,
  accounts: readonly string[],
): Promise<void> {
  const expected = accounts.toSorted().join(', ');
  await eventually(async () => {
    if (fakeUpstream.inFlight() > 0) return `upstream serves ${fakeUpstream.inFlight()} requests`;
    if (fakeUpstream.sockets.open > 0) return `${fakeUpstream.sockets.open} WebSockets at upstream are open`;
    const views = accountsSchema.parse(await program.json('/admin/accounts'));
    const busy = views.find((it) => it.inFlight > 0);
    if (busy !== undefined) return `${busy.name} has ${busy.inFlight} requests in flight`;
    const found = views.map((it) => it.name).toSorted();
    if (found.join(', ') !== expected) return `the accounts are ${found.join(', ')} instead of ${expected}`;
    const out = views.find((it) => it.reason !== null);
    if (out !== undefined) return `${out.name} is out: ${out.reason}`;
    const { details } = await program.health();
    if (details.usage.pending > 0) return `${details.usage.pending} rows are not written`;
    const { clients, upstream } = await connectionsOf(program.pid, program.origin, fakeUpstream.origin);
    return clients + upstream === 0 ? null : `${clients} clients and ${upstream} connections to upstream`;
  }, REST_LIMIT_MS);
}

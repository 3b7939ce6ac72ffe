import { setTimeout as pause } from 'node:timers/promises';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { send, turnWith } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { aTurn } from '../../support/pool/pool.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';
import type { TurnPlans } from './turn-plans.js';

const WORKERS = 3;
/** A slow turn takes a second, so that a client leaves before its head, within it, or after its end. */
const STAYS_MS = 1_200;

/** Clients that leave while upstream is silent or while a turn streams. */
export async function sendAndLeave(
  origin: string,
  plans: TurnPlans,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const workers = Array.from({ length: WORKERS }, async () =>
    repeatedly(isOver, random, [200, 800], async () => {
      const turn = plans.next(random.happens(0.3) ? 'silent' : 'slow');
      const staysMs = random.between(0, STAYS_MS);
      if (random.happens(0.6)) {
        const exchange = send(origin, turnWith(JSON.stringify(aTurn({ input: turn.input }))));
        await pause(staysMs);
        exchange.leave();
        tally.count('left over HTTP');
      } else {
        const client = await SocketClient.tryToConnect(origin);
        if (!(client instanceof SocketClient)) {
          tally.fail(`a handshake was refused: ${client.status} ${client.text.slice(0, 300)}`);
          return;
        }
        client.send(JSON.stringify(responseCreate(client.session, { input: turn.input })));
        await pause(staysMs);
        client.cut();
        await client.closed;
        tally.count('left a WebSocket');
      }
    }),
  );
  await Promise.all(workers);
}

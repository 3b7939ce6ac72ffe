import { Pool } from 'undici';
import type { SeededRandom } from '../../support/seeded-random.js';
import { aTurn } from '../../support/pool/pool.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { SessionNames } from './session-names.js';
import type { Tally } from './tally.js';
import { isWhole, type PlannedTurn, type TurnPlans } from './turn-plans.js';

const WORKERS = 8;
const IMAGE_RATIO = 0.04;

interface Received {
  readonly status: number;
  readonly text: string;
  readonly isBroken: boolean;
}

/** Turns over HTTP on kept-alive connections, with a few image requests. */
export async function sendHttpTurns(
  origin: string,
  plans: TurnPlans,
  sessions: SessionNames,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const pool = new Pool(origin, { connections: WORKERS });
  const send = async (path: string, body: object): Promise<Received> => {
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'session-id': sessions.next(),
    };
    const { statusCode, body: stream } = await pool.request({
      method: 'POST',
      path,
      headers,
      body: JSON.stringify(body),
    });
    let text = '';
    try {
      for await (const piece of stream.setEncoding('utf8')) text += String(piece);
    } catch {
      return { status: statusCode, text, isBroken: true };
    }
    return { status: statusCode, text, isBroken: false };
  };
  const work = async (): Promise<void> => {
    if (random.happens(IMAGE_RATIO)) {
      const image = await send('/v1/images/generations', { prompt: 'made up', model: 'gpt-image-2' });
      if (image.status === 200 && image.text.includes('b64_json')) tally.count('images');
      else tally.fail(`an image was not served: ${image.status} ${image.text.slice(0, 300)}`);
      return;
    }
    const turn = plans.next();
    check(turn, await send('/v1/responses', aTurn({ input: turn.input })), tally);
    plans.ended(turn);
  };
  try {
    await Promise.all(
      Array.from({ length: WORKERS }, async () => await repeatedly(isOver, random, [100, 900], work)),
    );
  } finally {
    await pool.close();
  }
}

function check(turn: PlannedTurn, received: Received, tally: Tally): void {
  tally.count(`HTTP: ${turn.plan}`);
  if (isAsPlanned(turn, received)) return;
  const { status, text, isBroken } = received;
  const end = isBroken ? 'broken' : 'ended';
  tally.fail(`turn ${turn.number} (${turn.plan}) was not served: ${status} ${end} ${text.slice(0, 500)}`);
}

function isAsPlanned(turn: PlannedTurn, { status, text, isBroken }: Received): boolean {
  if (turn.plan === 'breaks after output') return isBroken;
  if (turn.plan === 'refused input') return status === 422;
  return status === 200 && !isBroken && isWhole(text, turn);
}

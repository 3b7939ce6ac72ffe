import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { deltaSchema, snapshotSchema } from '../../../src/api/events.js';
import { EventPage, type PageEvent } from '../../support/clients/event-page.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';

const PAGES = 2;
/** A page is hidden or loaded anew after a while. */
const STAYS_MS = [500, 8_000] as const;
/** How often a page looks whether the load is over. */
const LOOK_MS = 100;
/** A browser that lost its connection names the last event that it has; a page that is loaded anew does not. */
const RESUMES_RATIO = 0.7;

const ids = z.string().regex(/^[\w]+-\d+$/);

/** Pages of the operator: they read `GET /admin/events`, lose their connection, and come back. */
export async function keepPagesOpen(
  origin: string,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const pages = Array.from({ length: PAGES }, async () => {
    let lastId: string | null = null;
    await repeatedly(isOver, random, [50, 800], async () => {
      const known = random.happens(RESUMES_RATIO) ? lastId : null;
      using page = await EventPage.open(origin, known);
      const { statusCode } = await page.exchange.head;
      if (statusCode !== 200) return tally.fail(`GET /admin/events returned ${statusCode}`);
      const until = performance.now() + random.between(...STAYS_MS);
      while (performance.now() < until && !isOver()) await pause(LOOK_MS);
      const { events } = page;
      const fault = faultIn(events, known);
      if (fault !== null) tally.fail(`the events of a page: ${fault}`);
      tally.count(known === null ? 'pages opened' : 'pages opened again');
      for (const _ of events) tally.count('events of pages');
      lastId = page.lastId ?? known;
    });
  });
  await Promise.all(pages);
}

/** Returns what is wrong with a page's events; null if each follows the one before, the first one the `known` event. */
function faultIn(events: readonly PageEvent[], known: string | null): string | null {
  let before = known;
  for (const { id, name, text } of events) {
    if (!ids.safeParse(id).success) return `an event ${name} with the id ${id}: ${text.slice(0, 200)}`;
    const parsed = (name === 'snapshot' ? snapshotSchema : deltaSchema).safeParse(JSON.parse(text));
    if (!parsed.success) return `a ${name} is not as documented: ${z.prettifyError(parsed.error)}`;
    if (name === 'delta' && id !== following(before)) return `after ${before} came ${id}`;
    before = id;
  }
  return null;
}

function following(id: string | null): string {
  const [run = '', number = ''] = (id ?? '').split('-');
  return `${run}-${Number(number) + 1}`;
}

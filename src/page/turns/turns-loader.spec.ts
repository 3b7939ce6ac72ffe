import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aRequest } from '../../../test/support/page/a-request.js';
import { ApiServer } from '../../../test/support/page/api-server.mjs';
import { turnFiltersIn } from './turn-filters.js';
import { TurnsLoader } from './turns-loader.js';

let server: ApiServer;

beforeEach(async () => {
  server = await ApiServer.start();
});

afterEach(async () => {
  await server.close();
});

const FIRST = '/admin/requests?limit=200';
const loaderOf = (query = '') => new TurnsLoader(turnFiltersIn(new URLSearchParams(query)));
/** Turns with descending times, each named after its own. */
const turns = (...times: number[]) =>
  times.map((at) => aRequest({ id: `t${at}`, at, endedAt: at + 1, result: 'complete' }));

function timesOf({ list }: TurnsLoader): (number | undefined)[] {
  return Array.from({ length: list.size }, (_, index) => list.at(index)?.at);
}

/** Loads one page that brings these turns. */
async function loads(loader: TurnsLoader, times: number[], next = ''): Promise<void> {
  const loading = loader.more();
  (await server.next()).responds(turns(...times), { next });
  await loading;
}

describe('the list of turns loads', () => {
  it('page after page, one at a time, to the last', async () => {
    const loader = loaderOf();
    const first = loader.more();
    await loader.more();
    expect(loader.isLoading.value).toBe(true);
    const asked = await server.next();
    expect(asked.path).toBe(FIRST);
    asked.responds(turns(9, 8), { next: '/admin/requests?cursor=a', warning: 'the database is locked' });
    await first;
    expect(loader.isLoading.value).toBe(false);
    expect(loader.warning.value).toBe('the database is locked');
    const second = loader.more();
    const older = await server.next();
    expect(older.path).toBe('/admin/requests?cursor=a');
    older.responds(turns(7));
    await second;
    expect(timesOf(loader)).toEqual([9, 8, 7]);
    expect([loader.hasMore, loader.warning.value]).toEqual([false, null]);
    await loader.more();
    expect(server.count).toBe(2);
  });

  it('nothing of an older answer that comes after the filters have changed', async () => {
    const before = loaderOf('model=old');
    const late = before.more();
    const asked = await server.next();
    before.stop();
    const after = loaderOf('model=new');
    await loads(after, [5]);
    asked.responds(turns(4));
    await late;
    await asked.isOver();
    expect([before.list.size, before.version.value, before.problem.value]).toEqual([0, 0, null]);
    expect(timesOf(after)).toEqual([5]);
  });

  it('again after a problem, when a person asks for it', async () => {
    const loader = loaderOf();
    await loads(loader, [9], '/admin/requests?cursor=a');
    const refused = loader.more();
    (await server.next()).refuses(503, 'database_off', 'The database is locked.');
    await refused;
    expect(loader.problem.value).toMatchObject({ code: 'database_off', detail: 'The database is locked.' });
    await loader.more();
    expect(server.count).toBe(2);
    const cut = loader.retry();
    (await server.next()).cuts();
    await cut;
    expect(loader.problem.value).toMatchObject({ code: 'not_reachable' });
    const retried = loader.retry();
    const asked = await server.next();
    expect(asked.path).toBe('/admin/requests?cursor=a');
    asked.responds(turns(8));
    await retried;
    expect([loader.problem.value, loader.hasMore]).toEqual([null, false]);
    expect(timesOf(loader)).toEqual([9, 8]);
  });
});

describe('after a lost connection, the list of turns', () => {
  it('fetches those that came meanwhile, and goes on with the older ones where it was', async () => {
    const loader = loaderOf();
    await loads(loader, [9, 8], '/admin/requests?cursor=a');
    const refreshed = loader.refresh();
    const asked = await server.next();
    expect(asked.path).toBe(FIRST);
    asked.responds(turns(11, 10, 9), { next: '/admin/requests?cursor=b' });
    await refreshed;
    expect(timesOf(loader)).toEqual([11, 10, 9, 8]);
    const more = loader.more();
    const older = await server.next();
    expect(older.path).toBe('/admin/requests?cursor=a');
    older.responds([]);
    await more;
  });

  it('drops the older ones if more came than one page holds, instead of a gap between them', async () => {
    const loader = loaderOf();
    await loads(loader, [9, 8], '/admin/requests?cursor=a');
    loader.takeLive(turns(30));
    const refreshed = loader.refresh();
    (await server.next()).responds(turns(30, 29, 28), { next: '/admin/requests?cursor=b' });
    await refreshed;
    expect(timesOf(loader)).toEqual([30, 29, 28]);
    const more = loader.more();
    const older = await server.next();
    expect(older.path).toBe('/admin/requests?cursor=b');
    older.responds(turns(27, 9, 8));
    await more;
    expect(timesOf(loader)).toEqual([30, 29, 28, 27, 9, 8]);
  });

  it('fetches them also if it was just loading older ones', async () => {
    const loader = loaderOf();
    await loads(loader, [9], '/admin/requests?cursor=a');
    const more = loader.more();
    const older = await server.next();
    const refreshed = loader.refresh();
    older.responds(turns(8));
    const asked = await server.next();
    expect(asked.path).toBe(FIRST);
    asked.responds(turns(10, 9, 8));
    await Promise.all([more, refreshed]);
    expect(timesOf(loader)).toEqual([10, 9, 8]);
  });

  it('fetches them at the next try if the first one failed', async () => {
    const loader = loaderOf();
    await loads(loader, [9], '/admin/requests?cursor=a');
    const refreshed = loader.refresh();
    (await server.next()).refuses(503, 'stopping', 'codex-pool is stopping.');
    await refreshed;
    const retried = loader.retry();
    const asked = await server.next();
    expect(asked.path).toBe(FIRST);
    asked.responds(turns(10, 9));
    await retried;
    expect(timesOf(loader)).toEqual([10, 9]);
  });
});

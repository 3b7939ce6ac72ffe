import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SessionView } from '../../api/session.js';
import { ApiServer } from '../../../test/support/page/api-server.mjs';
import { SessionsList } from './sessions-list.js';

let server: ApiServer;

beforeEach(async () => {
  server = await ApiServer.start();
});

afterEach(async () => {
  await server.close();
});

const FIRST = '/admin/affinity?limit=100';
const aSession = (session: string, movesTo: string | null = null): SessionView => ({
  session,
  account: 'home',
  usedAt: 1,
  movedFrom: null,
  movesTo,
  project: null,
  model: null,
});
const sessions = (...names: string[]) => names.map((it) => aSession(it));
const namesIn = (list: SessionsList) => list.sessions.value?.map((it) => it.session) ?? null;

/** Loads the newest page, which brings these sessions. */
async function loads(list: SessionsList, names: string[], next = ''): Promise<void> {
  const loading = list.load();
  (await server.next()).responds(sessions(...names), { next });
  await loading;
}

it('loads page after page, and each session once', async () => {
  const list = new SessionsList('a&b');
  const loading = list.load();
  expect([namesIn(list), list.isLoading.value]).toEqual([null, true]);
  const asked = await server.next();
  expect(asked.path).toBe('/admin/affinity?limit=100&account=a%26b');
  asked.responds(sessions('s1', 's2'), { next: '/admin/affinity?cursor=a' });
  await loading;
  const more = list.more();
  const older = await server.next();
  expect(older.path).toBe('/admin/affinity?cursor=a');
  older.responds(sessions('s2', 's3'));
  await more;
  expect(namesIn(list)).toEqual(['s1', 's2', 's3']);
  await list.more();
  expect([server.count, list.next.value, list.isLoading.value]).toEqual([2, null, false]);
});

it('ignores an older answer that comes after a newer question', async () => {
  const list = new SessionsList('');
  const late = list.load();
  const older = await server.next();
  const newer = list.load();
  const asked = await server.next();
  asked.responds(sessions('new'));
  await newer;
  older.responds(sessions('old'), { next: '/admin/affinity?cursor=old' });
  await late;
  await older.isOver();
  expect([namesIn(list), list.next.value, list.problem.value]).toEqual([['new'], null, null]);
});

it('ignores the answer for an account that is no longer shown', async () => {
  const before = new SessionsList('home');
  const late = before.load();
  const asked = await server.next();
  before.stop();
  const after = new SessionsList('work');
  await loads(after, ['of work']);
  asked.responds(sessions('of home'));
  await late;
  await asked.isOver();
  expect([namesIn(before), before.problem.value]).toEqual([null, null]);
  expect(namesIn(after)).toEqual(['of work']);
});

it('keeps its sessions after a problem, and loads again', async () => {
  const list = new SessionsList('');
  await loads(list, ['s1'], '/admin/affinity?cursor=a');
  const refused = list.more();
  (await server.next()).refuses(500, 'internal_error', 'Internal error in codex-pool; see its log.');
  await refused;
  expect(list.problem.value).toMatchObject({ code: 'internal_error' });
  expect([namesIn(list), list.isLoading.value]).toEqual([['s1'], false]);
  const cut = list.load();
  (await server.next()).cuts();
  await cut;
  expect(list.problem.value).toMatchObject({ code: 'not_reachable' });
  const again = list.load();
  const asked = await server.next();
  expect(asked.path).toBe(FIRST);
  asked.responds(sessions('s1', 's0'));
  await again;
  expect([namesIn(list), list.problem.value, list.next.value]).toEqual([['s1', 's0'], null, null]);
});

it('keeps a session moved and another forgotten that were so while a page was on its way', async () => {
  const list = new SessionsList('');
  await loads(list, ['s1', 's2'], '/admin/affinity?cursor=a');
  const more = list.more();
  const asked = await server.next();
  list.put(aSession('s1', 'work'));
  list.remove('s2');
  asked.responds(sessions('s3'));
  await more;
  expect(list.sessions.value).toEqual([aSession('s1', 'work'), aSession('s3')]);
});

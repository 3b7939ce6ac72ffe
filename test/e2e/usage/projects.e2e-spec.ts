import { describe, expect, it } from 'vitest';
import type { RequestView } from '../../../src/api/request.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { requestSchema } from '../../../src/api/request.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { TestPool } from '../../support/pool/pool.js';

const usage = { input: 1_000, cached: 900, output: 50, reasoning: 20 };
const origin = 'https://user:token@git.example/owner/backend.git';
const workspaces = { '/home/user/work/api': { associated_remote_urls: { origin } } };

/** Headers of a turn as Codex sends them. */
function turnOf(session: string, fields: object = {}): Record<string, string> {
  const metadata = { session_id: session, thread_id: `thread of ${session}`, workspaces, ...fields };
  return {
    'session-id': session,
    originator: 'codex_exec',
    'x-codex-turn-metadata': JSON.stringify({ model: 'gpt-5.5', reasoning_effort: 'low', ...metadata }),
  };
}

async function newest(pool: TestPool): Promise<RequestView> {
  const { body } = await pool.client.get('/admin/requests?limit=1').expect(200);
  return requestSchema.strict().parse(body[0]);
}

describe('a recorded request', () => {
  it('has the names that the turn metadata gives, its tokens and its times', async () => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').always(streams({ usage }));
    pool.fakeUpstream.account('b').always(streams({ usage }));
    const { headers } = await pool.turn(turnOf('s')).expect(200);
    expect(await newest(pool)).toMatchObject({
      id: headers['x-codex-pool-request'],
      model: 'gpt-5.5',
      effort: 'low',
      frontEnd: 'codex_exec',
      thread: expect.stringMatching(/^[\w-]{22}$/),
      project: { name: 'backend', hash: expect.stringMatching(/^[\w-]{22}$/) },
      account: headers['x-codex-pool-account'],
      movedFrom: null,
      status: 200,
      firstByteMs: expect.any(Number),
      bytes: expect.any(Number),
      tokens: usage,
      detail: 'full',
    });
  });

  it('of a WebSocket has those of its message', async () => {
    await using pool = await TestPool.start();
    await using client = await SocketClient.connect(pool.origin);
    const metadata = JSON.stringify({ thread_id: 'thread', workspaces });
    await client.turn({ client_metadata: { 'x-codex-turn-metadata': metadata } });
    expect(await newest(pool)).toMatchObject({
      method: 'WEBSOCKET',
      model: 'gpt-5.5',
      frontEnd: 'codex_exec',
      thread: expect.any(String),
      project: { name: 'backend' },
    });
  });

  it('says which account its session has left', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    await pool.turn(turnOf('s')).expect(200);
    expect(await newest(pool)).toMatchObject({ account: 'a', movedFrom: null });
    pool.fakeUpstream.account('a').answers(usageLimit());
    await pool.turn(turnOf('s')).expect(200);
    expect(await newest(pool)).toMatchObject({ account: 'b', movedFrom: 'a' });
    await pool.turn(turnOf('s')).expect(200);
    expect(await newest(pool)).toMatchObject({ account: 'b', movedFrom: null });
  });

  it('has no project with PROXY_RECORD_PROJECTS=0', async () => {
    await using pool = await TestPool.start({ env: { PROXY_RECORD_PROJECTS: '0' } });
    await pool.turn(turnOf('s')).expect(200);
    expect(await newest(pool)).toMatchObject({ model: 'gpt-5.5', project: null });
  });

  it('has the same hash for a project after a restart', async () => {
    const first = await TestPool.start();
    await first.turn(turnOf('s')).expect(200);
    const { project } = await newest(first);
    await using second = await first.restart();
    await second.turn(turnOf('s')).expect(200);
    expect(project?.name).toBe('backend');
    expect((await newest(second)).project).toEqual(project);
  });

  it.each([
    ['no JSON', '{"workspaces": /home/user'],
    ['an array', '[[["workspaces"]]]'],
    ['empty', ''],
    ['deep', `{"workspaces":${'{"a":'.repeat(5_000)}`],
  ])('has no project if the metadata is %s', async (_what, metadata) => {
    await using pool = await TestPool.start();
    await pool.turn({ 'session-id': 's', 'x-codex-turn-metadata': metadata }).expect(200);
    expect(await newest(pool)).toMatchObject({ model: 'gpt-5.5', project: null, frontEnd: null });
  });

  it('keeps names of a bounded length, as they are', async () => {
    await using pool = await TestPool.start();
    const name = `<b>"${'x'.repeat(200)}`;
    const headers = {
      ...turnOf('s', { workspaces: { [`/home/${name}`]: {} } }),
      originator: 'y'.repeat(200),
    };
    await pool.turn(headers).expect(200);
    const { project, frontEnd } = await newest(pool);
    expect(project?.name).toBe(name.slice(0, 60));
    expect(frontEnd).toBe('y'.repeat(60));
  });
});

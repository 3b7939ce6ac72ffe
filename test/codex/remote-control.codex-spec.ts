import { expect, it } from 'vitest';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import type { LoggedSocket } from '../../src/fake-upstream/websocket/log.js';
import { AppServer } from './support/app-server.js';
import { Setting } from './support/setting.js';

const PATH = '/backend-api/wham/remote/control/server';

/** Enrolls any machine, as the backend does. */
function enrolls(fakeUpstream: FakeUpstream): void {
  fakeUpstream.account('a').sockets.echoes = false;
  fakeUpstream.on('POST', `${PATH}/enroll`, (_req, res) => {
    const enrolment = {
      server_id: 'srv_made_up',
      environment_id: 'env_made_up',
      remote_control_token: 'made-up-server-token',
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    };
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(enrolment));
  });
}

/** The messages that Codex has sent on this socket, parsed. */
const sent = ({ strays }: LoggedSocket): unknown[] =>
  strays.map((it): unknown => JSON.parse(it.bytes.toString()));

it('reaches upstream by remote control, as the home account, and messages pass both ways', async () => {
  await using setting = await Setting.start({ prepare: enrolls });
  const { fakeUpstream } = setting;
  const server = await AppServer.start(setting, true);
  await server.request('remoteControl/enable');
  await server.notification('remoteControl/status/changed', (it) =>
    JSON.stringify(it).includes('"connected"'),
  );
  const [socket] = fakeUpstream.sideSockets.list;
  if (socket === undefined) throw new Error('upstream has no socket');
  expect(socket.account).toBe('a');
  expect(socket.handshake).toMatchObject({ path: PATH, headers: { 'x-codex-server-id': 'srv_made_up' } });
  const ping = { type: 'ping', client_id: 'made-up-client', stream_id: 'made-up-stream', seq_id: 0 };
  await socket.send(JSON.stringify(ping));
  await fakeUpstream.until(() => socket.strays.length > 0, 'a message from Codex');
  expect(sent(socket)).toContainEqual(expect.objectContaining({ type: 'pong', client_id: 'made-up-client' }));
  expect(socket.isOpen).toBe(true);
});

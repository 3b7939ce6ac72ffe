import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { EgressProxy } from '../../support/network/egress-proxy.js';
import { CA_FILE, TlsFront } from '../../support/network/tls-front.js';
import { polled } from '../../support/pool/first-poll.js';
import { ALMOST } from '../../support/pool/held-refresh.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

/** A pool whose upstream speaks TLS with a private certificate, behind an egress proxy that resolves its name. */
async function startSecure(env: Readonly<Record<string, string>>, clock: FakeClock) {
  const stack = new AsyncDisposableStack();
  const proxy = stack.use(await EgressProxy.start());
  const prepare = async ({ origin }: { readonly origin: string }) => {
    const front = stack.use(await TlsFront.start(origin));
    proxy.leadTo(`https://127.0.0.1:${front.port}`);
  };
  const secure = 'https://secure.upstream.test';
  const pool = stack.use(
    await TestPool.start({
      accounts: ['a'],
      clock,
      prepare,
      env: {
        UPSTREAM_RESPONSES_BASE: `${secure}/backend-api/codex`,
        UPSTREAM_WHAM_BASE: `${secure}/backend-api`,
        UPSTREAM_REFRESH_BASE: secure,
        HTTPS_PROXY: proxy.url,
        ...env,
      },
    }),
  );
  return { pool, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

// In this order, because trust in an authority lasts as long as the process.
describe('a certificate of a private authority', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-pool-ca-'));
  });
  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  it('that is not set up makes upstream unreachable, says what helps, and sends no token', async () => {
    const clock = new FakeClock();
    await using secure = await startSecure({}, clock);
    const { pool } = secure;
    const turn = await pool.turn().expect(503);
    expect(turn.headers['x-codex-pool-error']).toBe('upstream_unreachable');
    const { text } = await pool.client.get('/healthz').expect(200);
    expect(text).toContain('(UNABLE_TO_VERIFY_LEAF_SIGNATURE)');
    expect(text).toContain('set CODEX_CA_CERTIFICATE to the PEM file of its authority');
    clock.advance(ALMOST);
    await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'waiting' });
    expect(pool.fakeUpstream.log).toEqual([]);
  });

  it('in SSL_CERT_FILE counts for turns, sockets, polls and refresh, beside 150 others, one of them broken', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n';
    const bundle = join(folder, 'bundle.pem');
    await writeFile(bundle, [...rootCertificates, broken, await readFile(CA_FILE, 'utf8')].join('\n'));
    const clock = new FakeClock();
    await using secure = await startSecure({ SSL_CERT_FILE: bundle }, clock);
    const { pool } = secure;
    await polled(pool);
    await pool.turn().expect(200);
    await using socket = await SocketClient.connect(pool.origin);
    expect((await socket.turn()).map(typeOf)).toContain('response.completed');
    clock.advance(ALMOST);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    const warning = pool.logger.lines.find((it) =>
      it.includes('certificate authorities that cannot be read'),
    );
    expect(JSON.parse(warning ?? '{}')).toMatchObject({ unreadable: 1 });
  });
});

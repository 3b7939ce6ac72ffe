import { describe, expect, it } from 'vitest';
import { StandIn } from '../src/stand-in/stand-in.js';
import type { RawAnswer } from './support/raw-http.js';
import { Folders, type RunningProgram } from './support/usage-program.js';

const accounts = ['a', 'b', 'c', 'd'];
const EXPIRIES = 300;
const TURNS_EACH = accounts.length;
const PROMPT_MS = 3_000;
const ENDS_SOON_SECONDS = 55;

const databaseOf = (name: string): string => `export PROXY_DB_PATH=./${name}/proxy.db`;

/** Two programs on one pool folder, each with a database of its own. */
async function two(folders: Folders): Promise<[RunningProgram, RunningProgram]> {
  return await Promise.all([folders.start(databaseOf('one')), folders.start(databaseOf('two'))]);
}

async function served(answer: Promise<RawAnswer>): Promise<void> {
  const { status, isBroken, body } = await answer;
  const refusal = status === 200 ? null : body.toString();
  expect({ refusal, isBroken }).toEqual({ refusal: null, isBroken: false });
}

describe('two programs on one pool folder', { timeout: 180_000 }, () => {
  it(`use no refresh token twice in ${EXPIRIES} forced expiries, and serve every turn`, async () => {
    await using standIn = await StandIn.start({ accounts });
    standIn.tokens.revokesFamilies = true;
    await using folders = await Folders.create(standIn, accounts, { PROXY_POLICY: 'round-robin' });
    const programs = await two(folders);
    const refused = new Set<string>();
    while (refused.size < EXPIRIES) {
      for (const account of accounts) {
        refused.add(standIn.account(account).authJson().tokens.access_token);
        standIn.account(account).expireAccessToken();
      }
      const turns = programs.flatMap((it) => Array.from({ length: TURNS_EACH }, async () => it.turn()));
      for (const turn of turns) await served(turn);
    }
    expect(standIn.tokens.reuses).toBe(0);
    const sent = standIn.tokens.requests.map((it) => it.refreshToken);
    expect(sent).toHaveLength(new Set(sent).size);
    expect(sent.length).toBeLessThanOrEqual(refused.size); // the other one has taken what the first has got
    for (const program of programs) {
      expect(program.log).toContain('token refreshed');
      expect(program.log).toContain('newer tokens adopted from the file');
    }
  });

  it('go on at once when one is killed before its refresh was heard, since its lock dies with it', async () => {
    await using standIn = await StandIn.start({ accounts: ['a'] });
    standIn.tokens.revokesFamilies = true;
    await using folders = await Folders.create(standIn, ['a']);
    const [one, other] = await two(folders);
    standIn.account('a').expireAccessToken();
    standIn.tokens.answers('hangs');
    const lost = one.send();
    await standIn.until(() => standIn.tokens.requests.length === 1, 'the refresh of the first');
    const waiting = other.turn();
    await standIn.until(() => standIn.turns().length === 2, 'the turn of the other');
    const killedAt = performance.now();
    await one.kill9();
    await served(waiting);
    expect(performance.now() - killedAt).toBeLessThan(PROMPT_MS);
    await expect(lost.whole()).rejects.toThrow(/hang up|ECONNRESET/);
    expect(standIn.tokens.reuses).toBe(0);
  });

  it('leave a token alone that the one that was killed may have spent, while the access token is good', async () => {
    const account = { name: 'a', accessTokenLifetimeSeconds: ENDS_SOON_SECONDS };
    await using standIn = await StandIn.start({ accounts: [account] });
    standIn.tokens.revokesFamilies = true;
    await using folders = await Folders.create(standIn, ['a']);
    const held = standIn.tokens.hold({ afterRotation: true }); // the start of the first one asks
    const one = await folders.start(databaseOf('one'));
    await held.arrived;
    const other = await folders.start(databaseOf('two'));
    const waiting = other.turn();
    const killedAt = performance.now();
    await one.kill9();
    await served(waiting);
    expect(performance.now() - killedAt).toBeLessThan(PROMPT_MS);
    await served(other.turn());
    expect(standIn.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });
});

import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import type { LoggedRequest } from '../../../src/fake-upstream/script/request-log.js';

/**
 * The requests that reached the fake upstream for a client. The program's own polls and refreshes, which have a different
 * user agent, are left out.
 */
export function forwarded(fakeUpstream: FakeUpstream): readonly LoggedRequest[] {
  return fakeUpstream.log.filter((it) => it.headers['user-agent']?.startsWith('codex-pool/') !== true);
}

/** The value of one metric in the text of `/metrics`; 0 if it is missing. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  const line = text
    .split('\n')
    .find(
      (it) => (it.startsWith(`${name}{`) || it.startsWith(`${name} `)) && wanted.every((w) => it.includes(w)),
    );
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}

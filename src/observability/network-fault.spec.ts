import { describe, expect, it } from 'vitest';
import { EgressError } from '../egress/egress-error.js';
import { Secret } from '../runtime/secret.js';
import { networkFault } from './network-fault.js';

describe('a network fault', () => {
  it.each([
    [{ code: 'ETIMEDOUT' }, 'ETIMEDOUT'],
    [{ code: 'connect ECONNREFUSED 10.0.0.1:443' }, null],
    [{ code: 'a@example.test' }, null],
    [{ code: 7 }, null],
    [new Error('10.0.0.1'), null],
    ['ENOTFOUND', null],
  ])('shows the code of an error, and nothing that might be an address: %o', (error, code) => {
    expect(networkFault(error)).toEqual({ code });
  });

  it('shows the message about an egress proxy, which has neither user nor password', () => {
    const login = { user: 'made-up', password: new Secret('made-up') };
    const proxy = { scheme: 'socks5', host: 'fd00::1', port: 1080, login } as const;
    expect(networkFault(new EgressError(proxy, 'EGRESS_TIMEOUT', 'is slow'))).toEqual({
      code: 'EGRESS_TIMEOUT',
      detail: 'the egress proxy socks5://[fd00::1]:1080 is slow',
    });
  });
});

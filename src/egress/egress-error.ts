import { PoolError } from '../runtime/pool-error.js';
import { describeProxy, type EgressProxy } from './egress-proxy.js';

/** Ways in which an egress proxy fails. */
export type EgressFault =
  /** It cannot be reached. */
  | 'EGRESS_UNREACHABLE'
  /** TLS to an https proxy fails. */
  | 'EGRESS_TLS'
  /** It requires a user and a password, or rejects those it got. */
  | 'EGRESS_LOGIN'
  /** It does not open the tunnel: it may not, or it cannot reach the target. */
  | 'EGRESS_REFUSED'
  /** It does not respond. */
  | 'EGRESS_TIMEOUT'
  /** It hangs up, or speaks another protocol. */
  | 'EGRESS_PROTOCOL';

/** A failure of the proxy on the way out. The message names the proxy, never its user or password. */
export class EgressError extends PoolError {
  constructor(
    proxy: EgressProxy,
    readonly code: EgressFault,
    what: string,
  ) {
    super(`the egress proxy ${describeProxy(proxy)} ${what}`);
  }
}

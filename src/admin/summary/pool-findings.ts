import { Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { standingOf } from '../../accounts/account-state.js';
import type { ConsideredCandidate } from '../../accounts/selection/account-selector.js';
import { BypassDetector } from '../../clients/bypass-detector.js';
import { SharedLoginDetector } from '../../clients/shared-login-detector.js';
import { describeTrouble, troubleInShort } from '../../observability/upstream-health.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { WriteBehind } from '../../storage/write-behind.js';
import type { AccountFindings, Findings } from './pool-problems.js';
import type { JudgedAccount } from './pool-verdict.js';

/** Asks every part of the program what may be wrong. */
@Injectable()
export class PoolFindings {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly sharedLogins: SharedLoginDetector,
    private readonly upstream: UpstreamMonitor,
    private readonly bypass: BypassDetector,
    private readonly writer: WriteBehind,
  ) {}

  /** Returns the findings on the candidates and on the broken files, by name. */
  accounts(candidates: readonly ConsideredCandidate[], now: number): (AccountFindings & JudgedAccount)[] {
    const accounts = candidates.map((it) => this.findingsOf(it, now));
    const broken = this.registry.broken().map((it) => brokenFile(it.name, it.reason));
    return [...accounts, ...broken].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns the findings on the pool as a whole. */
  pool(): Pick<Findings, 'upstream' | 'bypass' | 'database'> {
    const [trouble] = this.upstream.troubles();
    const upstream =
      trouble === undefined
        ? null
        : { ...trouble, sentence: describeTrouble(trouble), short: troubleInShort(trouble) };
    return { upstream, bypass: this.bypass.warning(), database: this.writer.trouble };
  }

  private findingsOf(
    { account, ...assessment }: ConsideredCandidate,
    now: number,
  ): AccountFindings & JudgedAccount {
    const { refresh, unsaved } = account.storedCredential;
    const { unavailable } = assessment;
    return {
      name: account.name,
      ...standingOf(account, assessment, now),
      unavailable,
      until: unavailable?.until ?? null,
      pausedUntil: account.settings.pausedUntil,
      brokenCause: account.withdrawal?.why ?? null,
      needsLoginSoon: refresh.kind === 'refused' && !account.needsLogin,
      unsaved: unsaved?.reason ?? null,
      sharedLogin: this.sharedLogins.warning(account),
    };
  }
}

function brokenFile(name: string, cause: string): AccountFindings & JudgedAccount {
  return {
    name,
    state: 'broken-file',
    since: null,
    unavailable: { reason: 'broken-file', until: null },
    until: null,
    pausedUntil: null,
    brokenCause: cause,
    needsLoginSoon: false,
    unsaved: null,
    sharedLogin: null,
  };
}

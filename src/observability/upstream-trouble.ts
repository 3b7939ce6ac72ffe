import { errorCode } from '../runtime/pool-error.js';
import type { UpstreamTrouble } from './upstream-health.js';

/** One sentence for the operator: what is wrong, since when, and what helps. Names no address and no account. */
export function told(trouble: UpstreamTrouble): string {
  const since = `since ${new Date(trouble.since).toISOString()}`;
  switch (trouble.kind) {
    case 'offline': {
      const code = trouble.code === null ? '' : ` (${trouble.code})`;
      return `This machine cannot reach upstream ${since}${code}: ${whatHelps(trouble.code)}; turns go on as soon as it answers.`;
    }
    case 'edge-block':
      return `The network edge in front of upstream refuses this machine, whatever the account, ${since}: try another network, or one without VPN or proxy.`;
    case 'provider':
      return `Upstream itself is failing, whatever the account, ${since}: its errors count against no account; wait, or look at https://status.openai.com.`;
    default:
      return trouble.kind satisfies never;
  }
}

function whatHelps(code: string | null): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'the name is not found, so check its network and its DNS';
  if (code !== null && /CERT|SIGNATURE|SELF_SIGNED|TLS|SSL/.test(code))
    return 'the certificate is not accepted, so check its clock, and what opens TLS on the way';
  return 'check its network, VPN, and proxy';
}

/** The code of a network fault, if it has one that can be shown: letters, digits, underscores. */
export function networkCode(error: unknown): string | null {
  const code = errorCode(error);
  return code !== null && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : null;
}

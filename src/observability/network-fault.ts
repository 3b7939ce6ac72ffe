import { EgressError, type EgressFault } from '../egress/egress-error.js';
import { errorCode } from '../runtime/pool-error.js';

/** The error of a request without a response, as far as it may be shown. */
export interface NetworkFault {
  readonly code: string | null;
  /** A message of ours, which names the cause. */
  readonly detail?: string;
}

/** Returns what may be shown of the error of a request without a response. */
export function networkFault(error: unknown): NetworkFault {
  const code = networkCode(error);
  return error instanceof EgressError ? { code, detail: error.message } : { code };
}

/** Returns the code of a network fault if it is safe to show: letters, digits and underscores only. */
function networkCode(error: unknown): string | null {
  const code = errorCode(error);
  return code !== null && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : null;
}

/** Remedies for a fault of the proxy on the way out (`src/egress/egress-error.ts`), which the log names. */
const egressRemedies: ReadonlyMap<string, string> = new Map<EgressFault, string>([
  ['EGRESS_UNREACHABLE', 'check the address in HTTPS_PROXY or ALL_PROXY'],
  [
    'EGRESS_TLS',
    'check the scheme in HTTPS_PROXY or ALL_PROXY, and set CODEX_CA_CERTIFICATE if the proxy has a private certificate',
  ],
  ['EGRESS_LOGIN', 'check the user and the password in HTTPS_PROXY or ALL_PROXY'],
  ['EGRESS_REFUSED', 'check the rules and the network of that proxy'],
  ['EGRESS_TIMEOUT', 'check that proxy, and the address and scheme in HTTPS_PROXY or ALL_PROXY'],
  ['EGRESS_PROTOCOL', 'check the scheme in HTTPS_PROXY or ALL_PROXY'],
]);

/** Codes of OpenSSL for a certificate whose authority is not trusted. */
const unknownIssuerCodes: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

/** Returns what the operator can do about a network fault with this code, as a clause. */
export function remedyFor(code: string | null): string {
  const egressRemedy = egressRemedies.get(code ?? '');
  if (egressRemedy !== undefined) return egressRemedy;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'the name is not found, so check its network and its DNS';
  if (code !== null && unknownIssuerCodes.has(code))
    return 'the certificate is from an authority that it does not know; if a company or a program intercepts TLS, set CODEX_CA_CERTIFICATE to the PEM file of its authority';
  if (code !== null && /CERT|SIGNATURE|SELF_SIGNED|TLS|SSL/.test(code))
    return 'the certificate is not accepted, so check its clock, and anything that intercepts TLS';
  if (code?.startsWith('HPE_') === true)
    return 'the responses are not valid HTTP or their heads too large, so check what intercepts them';
  return 'check its network, VPN, and proxy';
}

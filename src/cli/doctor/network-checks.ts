import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { egressProxyFor } from '../../egress/egress-proxy.js';
import { OutboundHttpClient } from '../../egress/http-client.js';
import { describeError } from '../../runtime/pool-error.js';
import type { AppConfig } from '../../config/app.config.js';
import type { Examined } from './examined.js';
import { type CheckResult, fault, type Finding } from './finding.js';

const PATIENCE_MS = 5_000;
/** Tokens and quota are judged by the clock. */
const MOST_SKEW_MS = 120_000;
const AUTHORITY_NAMES = ['NODE_EXTRA_CA_CERTS', 'CODEX_CA_CERTIFICATE', 'SSL_CERT_FILE'];

/** Checks the files of private certificate authorities. */
export async function authoritiesCheck({ env }: Examined): Promise<CheckResult> {
  const findings: Finding[] = [];
  const named = AUTHORITY_NAMES.flatMap((name) =>
    (env[name] ?? '') === '' ? [] : ([[name, env[name] ?? '']] as const),
  );
  for (const [name, path] of named) {
    const reason = await whyNoAuthority(path);
    if (reason === null) continue;
    findings.push(
      fault(
        'authority-not-usable',
        `${name} names ${path}, which ${reason}.`,
        'Behind a proxy that intercepts TLS, every connection to OpenAI fails.',
        `Point ${name} at a PEM file, or unset it.`,
      ),
    );
  }
  return {
    check: 'Certificate authorities',
    fact: named.length === 0 ? 'those of Node' : named.map(([name]) => name).join(', '),
    findings,
  };
}

async function whyNoAuthority(path: string): Promise<string | null> {
  try {
    const text = await readFile(path, 'utf8');
    const first = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0];
    if (first === undefined) return 'holds no certificate';
    return new X509Certificate(first).subject === undefined ? 'holds a certificate without a subject' : null;
  } catch (error) {
    return `cannot be used: ${describeError(error)}`;
  }
}

/** Asks each server of upstream for anything, without a login, and compares its clock with ours. */
export async function upstreamCheck({ config }: Examined): Promise<CheckResult> {
  if (config === null) return { check: 'Upstream', fact: 'unknown', findings: [] };
  const origins = [...new Set([config.responsesBase.origin, config.refreshBase.origin])];
  const results = await Promise.all(origins.map(async (origin) => await reached(new URL(origin), config)));
  const findings = results.flatMap((it) => it.findings);
  const [skew] = results.flatMap((it) => (it.skewMs === null ? [] : [it.skewMs]));
  if (skew !== undefined && Math.abs(skew) > MOST_SKEW_MS) {
    const minutes = Math.round(Math.abs(skew) / 60_000);
    findings.push(
      fault(
        'clock-wrong',
        `This machine's clock is ${minutes} min ${skew > 0 ? 'ahead of' : 'behind'} upstream's.`,
        'Tokens seem to end too early or too late.',
        'Set the clock: sudo timedatectl set-ntp true',
      ),
    );
  }
  return { check: 'Upstream', fact: `${origins.join(', ')}${viaOf(config)}`, findings };
}

function viaOf(config: AppConfig): string {
  return egressProxyFor(config.egress, config.responsesBase) === null
    ? ''
    : ', through the proxy in the settings';
}

async function reached(
  url: URL,
  { egress }: AppConfig,
): Promise<{ readonly findings: Finding[]; readonly skewMs: number | null }> {
  try {
    const { headers } = await new OutboundHttpClient(egress).call({
      method: 'GET',
      url,
      timeoutMs: PATIENCE_MS,
    });
    const date = Date.parse(String(headers['date'] ?? ''));
    return { findings: [], skewMs: Number.isNaN(date) ? null : Date.now() - date };
  } catch (error) {
    const isProxied = egressProxyFor(egress, url) !== null;
    const finding = fault(
      isProxied ? 'egress-proxy' : 'upstream-unreachable',
      `${url.origin} cannot be reached: ${describeError(error)}.`,
      'No turn can be served, and no token refreshed.',
      isProxied
        ? 'Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, and that this proxy runs.'
        : 'Check the network, and whether this machine needs HTTPS_PROXY.',
    );
    return { findings: [finding], skewMs: null };
  }
}

import type { ErrorEnvelope } from './error-envelope.js';
import type { IncomingHttpHeaders } from 'node:http';

/** The parts of a response that distinguish a page of the network edge from upstream's own response. */
interface PageFacts {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly envelope: ErrorEnvelope | null;
  readonly isHtml?: boolean;
}

/** Cloudflare's own errors, which it also sends as plain text. */
const EDGE_ERROR = /^\s*error code: 1\d{3}\b/i;
/** A page that something between has wrapped into JSON. */
const HTML = /^\s*<(?:!doctype|html)\b/i;

/**
 * Whether a response comes from the network in front of upstream (docs/protocol.md, errors): it redirects, or its
 * body is HTML, or it has Cloudflare's marks. Routes other than turns and images may have pages and redirects of
 * their own, so only refusals count there.
 */
export function isEdgePage(response: PageFacts, route: 'turn' | 'images' | 'other'): boolean {
  const { status, headers, envelope } = response;
  if (status >= 300 && status < 400) return route !== 'other';
  if (status < 400) return false;
  const canBeEdge = route !== 'other' || status === 403 || status === 429 || status >= 500;
  if (!canBeEdge) return false;
  const type = headers['content-type'] ?? '';
  const isHtml = type.includes('html') && envelope === null;
  if (response.isHtml === true || isHtml || headers['cf-mitigated'] !== undefined) return true;
  if (envelope !== null)
    return envelope.codes.length === 0 && (EDGE_ERROR.test(envelope.message) || HTML.test(envelope.message));
  const isGate = status === 403 || status === 429 || status === 503;
  return isGate && /cloudflare/i.test(String(headers['server'] ?? ''));
}

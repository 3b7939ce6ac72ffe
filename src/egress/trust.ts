import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/** Trusts more certificate authorities (PEM) in every TLS connection of this process that is opened from now on. */
export function trustAuthorities(certificates: readonly string[]): void {
  if (certificates.length === 0) return;
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...certificates])]);
}

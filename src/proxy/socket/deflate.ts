import type { PerMessageDeflateOptions } from 'ws';

/**
 * permessage-deflate (RFC 7692), negotiated separately by each side. Small messages are sent uncompressed, and idle
 * sockets keep no window.
 */
export const deflate: PerMessageDeflateOptions = {
  threshold: 1_024,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
};

import type { PerMessageDeflateOptions } from 'ws';

/** permessage-deflate (RFC 7692), each side for itself; small frames are sent plain, and an idle socket keeps no window. */
export const deflate: PerMessageDeflateOptions = {
  threshold: 1_024,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
};

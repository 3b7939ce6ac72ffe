import { fileURLToPath } from 'node:url';
import { certificate } from '../upstream/certificate.mjs';

const program = fileURLToPath(new URL('bare-node.mjs', import.meta.url));

/** Node's own http on both sides with a pipe between them. */
export function bareNode({ port: upstreamPort, isTls }) {
  return (port) => ({
    command: process.execPath,
    args: [program, String(port), String(upstreamPort), ...(isTls ? ['https'] : [])],
    env: {
      PATH: process.env.PATH,
      ...(isTls ? { NODE_EXTRA_CA_CERTS: certificate.authorityFile } : {}),
    },
  });
}

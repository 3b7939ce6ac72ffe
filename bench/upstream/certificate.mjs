import { fileURLToPath } from 'node:url';

const at = (name) =>
  fileURLToPath(new URL(`../../test/support/network/certificates/${name}`, import.meta.url));

/** The made-up authority of the tests, and its certificate for 127.0.0.1. */
export const certificate = {
  authorityFile: at('ca.pem'),
  certFile: at('server.pem'),
  keyFile: at('server-key.pem'),
};

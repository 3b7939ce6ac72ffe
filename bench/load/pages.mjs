import { request } from 'node:http';

let open = [];

/** Opens event streams of the operator's page and reads them; resolves when all have their snapshot. */
export async function openPages({ target: { port }, count }) {
  open = await Promise.all(Array.from({ length: count }, () => onePage(port)));
  return { count: open.length };
}

/** Closes them; resolves with how many bytes came in all. */
export async function closePages() {
  for (const { sent } of open) sent.destroy();
  const bytes = open.reduce((sum, it) => sum + it.received(), 0);
  open = [];
  return { bytes };
}

function onePage(port) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const options = { host: '127.0.0.1', port, path: '/admin/events', agent: false };
  const sent = request(options, (response) => {
    let bytes = 0;
    if (response.statusCode !== 200) reject(new Error(`a page got ${response.statusCode}`));
    response.on('error', () => undefined); // it is cut by `closePages`
    response.on('data', (chunk) => {
      bytes += chunk.length;
      resolve({ sent, received: () => bytes });
    });
  });
  sent.once('error', reject);
  sent.end();
  return promise;
}

import { responseCreate } from '../support/clients/codex-socket.js';
import type { BatchKind } from './batch.js';
import type { Draw } from './draw.js';
import { type Delivery, type Ending, type FuzzClient, piecesOf } from './fuzz-client.js';
import { spoilt } from './odd-json.js';
import { type Frame, frameBytes, oddFrames, textFrame } from './socket-frames.js';
import { clientHandshake } from './socket-handshakes.js';

const HANDSHAKE_MS = 1_500;
const WAIT_MS = 400;

/** Clients that open a WebSocket as Codex does and then send any frames. */
export const clientFrames: BatchKind = {
  name: "a client's frames",
  inputs: 32,
  concurrency: 8,
  blamesNoAccount: true,
  make: (draw) => {
    const session = `frames-${draw.whole(0, 1e9)}`;
    const { title, frames } = sendingOf(draw, session);
    const isMasked = draw.happens(0.93);
    const bytes = Buffer.concat(frames.map((it) => frameBytes(it, isMasked)));
    const delivery: Delivery = draw.one(['whole', 'pieces', 'bytes']);
    const ending: Ending = draw.one(['wait', 'half-close', 'reset', 'close']);
    const cuts = draw.list(1, 5, () => draw.whole(0, bytes.length));
    const stop = draw.happens(0.7) ? bytes.length : draw.whole(0, bytes.length);
    const [deflates, isEager] = [draw.happens(0.5), draw.happens(0.15)];
    const how = [
      delivery,
      ending,
      isMasked ? 'masked' : 'unmasked',
      ...(deflates ? ['deflate'] : []),
      ...(isEager ? ['before the 101'] : []),
    ];
    return {
      title: `${title}; ${stop} of ${bytes.length} bytes, ${how.join(', ')}`,
      run: async (setting) => {
        using client = setting.client();
        await client.write([clientHandshake(session, '/v1/responses', deflates)]);
        if (!isEager) await client.answers(['GET'], 1, HANDSHAKE_MS);
        await client.write(piecesOf(bytes.subarray(0, stop), delivery, cuts), ending);
        await client.until(() => false, WAIT_MS);
        return [...client.allFindings(['GET']), ...socketFindings(client)];
      },
    };
  },
};

/** Messages that a client on a WebSocket must not get. */
export function socketFindings(client: FuzzClient): string[] {
  return /"status(_code)?":\s*401\b/.test(client.got.toString('latin1')) ? ['a message with status 401'] : [];
}

function sendingOf(
  draw: Draw,
  session: string,
): { readonly title: string; readonly frames: readonly Frame[] } {
  const create = Object.fromEntries(Object.entries(responseCreate(session)));
  if (draw.happens(0.3)) {
    const count = draw.whole(1, 4);
    const frames = Array.from({ length: count }, () =>
      textFrame({ ...spoilt(draw, create), type: 'response.create' }),
    );
    return {
      title: `odd turns: ${frames.map((it) => it.payload.toString().slice(0, 150)).join(' ‖ ')}`,
      frames,
    };
  }
  const text = Buffer.from(JSON.stringify(create));
  const odd = draw.list(1, 3, () => oddFrames(draw, text));
  const first = draw.happens(0.4) ? [textFrame(create)] : [];
  const title = [...(first.length > 0 ? ['a turn'] : []), ...odd.map((it) => it.title)].join(', ');
  return { title, frames: [...first, ...odd.flatMap((it) => it.frames)] };
}

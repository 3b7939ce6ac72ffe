import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Answers `Expect: 100-continue` when the request has been admitted and its turn to respond has come (RFC 9110 10.1.1).
 * Node would do so at once: even if a refusal follows, and between the head and the body of the request's own response
 * if the request is pipelined. Unknown expectations are ignored. None is sent upstream.
 */
export function answerExpectations(server: Server): void {
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    server.emit('request', req, res);
  });
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // Without a 100, Node closes the connection after the response. There is no reason to if the body has arrived.
    Object.defineProperty(res, '_expect_continue', { get: () => !req.complete });
    server.emit('request', req, res);
    if (res.socket === null) res.once('socket', () => proceed(req, res));
    else proceed(req, res);
  });
}

function proceed(req: IncomingMessage, res: ServerResponse): void {
  if (!req.complete && !res.headersSent && !res.destroyed) res.writeContinue();
}

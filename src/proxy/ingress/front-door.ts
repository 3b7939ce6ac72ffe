import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { accountInPath } from '../../boundary/account-path.js';
import { whyRefused } from '../../boundary/request-guard.js';
import { isCanonicalPath } from '../../boundary/safe-path.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { Faults } from '../../observability/faults.js';
import { PROBLEM_TYPE, problemDetails } from '../../runtime/problem-details.js';
import {
  internalError,
  type LocalResponse,
  sendJson,
  sendLocalResponse,
} from '../response/local-response.js';
import { allowedMethods } from './allowed-methods.js';
import { whyUnusable } from './parser-errors.js';
import { ProxyMiddleware } from './proxy.middleware.js';

const notCanonical: LocalResponse = {
  status: 404,
  code: 'unknown_route',
  type: 'not_found',
  message: 'A path with dot segments, empty segments or malformed percent-encoding is not served.',
};

const badName = problemDetails(
  400,
  'bad_name',
  'A name of an account has no slash, backslash or control character and no leading dot; in a path, it is percent-encoded.',
);

/**
 * The first to see a request: refuses what no route may serve, and gives the rest to the middleware before Express. A
 * proxied request needs nothing of Express, which would change the prototypes of the request and the response and so
 * slow down all that Node does with them.
 */
@Injectable()
export class FrontDoor {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly proxy: ProxyMiddleware,
    private readonly faults: Faults,
  ) {}

  /** Puts itself in front of the listeners that a server has for requests. */
  attach(server: Server): void {
    const behind = server.listeners('request');
    server.removeAllListeners('request').on('request', (req: IncomingMessage, res: ServerResponse) => {
      try {
        if (this.refuses(req, res)) return;
        this.proxy.use(req, res, () => {
          for (const it of behind) Reflect.apply(it, server, [req, res]);
        });
      } catch (error) {
        this.faults.note('request', error);
        sendLocalResponse(res, internalError);
      }
    });
  }

  private refuses(req: IncomingMessage, res: ServerResponse): boolean {
    const { method = '', url = '' } = req;
    const path = url.split('?', 1)[0] ?? '';
    const refusal = this.whyRefused(req, method, path);
    if (refusal !== null) sendLocalResponse(res, refusal);
    else if (method === 'OPTIONS' && path === '*') res.writeHead(204, { allow: allowedMethods }).end(); // about the whole server (RFC 9110 9.3.7)
    else if (accountInPath(path) === 'bad-name')
      sendJson(res, 400, badName, { 'content-type': PROBLEM_TYPE });
    else return false;
    return true;
  }

  private whyRefused(req: IncomingMessage, method: string, path: string): LocalResponse | null {
    const { headers, httpVersion } = req;
    const unusable = whyUnusable(req);
    if (unusable !== null) return { type: 'invalid_request', ...unusable, headers: { connection: 'close' } };
    const peer = req.socket.remoteAddress;
    const violation = whyRefused({ method, path, headers, httpVersion, peer }, this.config.allowedHosts);
    if (violation !== null) {
      const isMalformed = violation.code === 'missing_host';
      return {
        status: isMalformed ? 400 : 403,
        type: isMalformed ? 'invalid_request' : 'forbidden',
        ...violation,
        headers: { connection: 'close' },
      };
    }
    // Express would fail to decode the path and send its own response.
    const isSafe = isCanonicalPath(path) || path === '*' || accountInPath(path) !== 'none';
    return isSafe ? null : notCanonical;
  }
}

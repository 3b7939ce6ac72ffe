import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { whyRefused } from '../../boundary/request-guard.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { Drain } from '../../runtime/drain.js';
import { type LocalResponse, notFound } from '../response/local-response.js';
import { mayUse, wrongToken } from './client-token.js';
import { type Route, routeOf } from './routes.js';

const stopping: LocalResponse = {
  status: 503,
  code: 'stopping',
  type: 'pool_unavailable',
  message: 'codex-pool is stopping.',
  headers: { 'retry-after': '1', connection: 'close' },
};

/** In the shape of OpenAI's public API, whose clients ask for such routes. */
const unsupported: LocalResponse = {
  status: 404,
  code: 'unsupported_route',
  type: 'invalid_request_error',
  message:
    'The ChatGPT backend has no such route. codex-pool serves POST /v1/responses, POST /v1/responses/compact, ' +
    'POST /v1/images/generations, POST /v1/images/edits and GET /v1/models.',
};

/** The route and target that a client asks for. `query` keeps its question mark; it is empty without one. */
export interface Target {
  readonly path: string;
  readonly query: string;
  readonly route: Route;
}

/**
 * The checks that every entry point runs before a request is served: plain requests, upgrades and CONNECT. Each check
 * returns the local response to send, or null when the request passes. The entry points run them in different orders.
 */
@Injectable()
export class Admission {
  constructor(
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Splits the request target and finds its route. */
  target(method: string, url: string, isUpgrade: boolean): Target {
    const at = url.indexOf('?');
    const path = at === -1 ? url : url.slice(0, at);
    return { path, query: at === -1 ? '' : url.slice(at), route: routeOf(method, path, isUpgrade) };
  }

  /** Checks Host, Origin and site as the global middleware does, for requests that do not pass through it. */
  whyForbidden({ method = '', headers }: IncomingMessage, path: string): LocalResponse | null {
    const violation = whyRefused({ method, path, headers }, this.config.allowedHosts);
    return violation === null ? null : { status: 403, type: 'forbidden', ...violation };
  }

  /** Checks the proxy's client token, if one is configured. */
  whyWrongToken({ headers }: IncomingMessage): LocalResponse | null {
    return mayUse(headers, this.config.clientToken) ? null : wrongToken;
  }

  /** Refuses routes that are neither served nor forwarded with this method. */
  whyNotServed(route: Route): LocalResponse | null {
    if (route.kind === 'unknown') return notFound;
    if (route.kind === 'unsupported') return unsupported;
    return route.kind === 'wrong-method' ? wrongMethod(route.allow) : null;
  }

  /** Refuses requests that arrive during shutdown. */
  whyStopping(): LocalResponse | null {
    return this.drain.isDraining ? stopping : null;
  }
}

function wrongMethod(allow: string): LocalResponse {
  return {
    status: 405,
    code: 'method_not_allowed',
    type: 'invalid_request',
    message: `Use ${allow}.`,
    headers: { allow },
  };
}

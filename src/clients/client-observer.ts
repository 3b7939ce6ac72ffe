import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { SharedLoginDetector } from './shared-login-detector.js';
import { BypassDetector } from './bypass-detector.js';
import type { Route } from '../proxy/ingress/routes.js';

/** Hands on what a client's request shows of how the client is set up. Changes nothing about the request. */
@Injectable()
export class ClientObserver {
  constructor(
    private readonly owners: SharedLoginDetector,
    private readonly bypass: BypassDetector,
  ) {}

  /** A request came, whatever becomes of it. */
  came(route: Route['kind']): void {
    if (route === 'models') this.bypass.modelsAsked();
    else if (route === 'turn' || route === 'websocket') this.bypass.turnCame();
  }

  /** A request may pass: its login is that of a client of ours. */
  entered(headers: IncomingHttpHeaders): void {
    const accountId = headers['chatgpt-account-id'];
    const authorization = headers.authorization;
    if (typeof accountId !== 'string' || authorization === undefined) return;
    if (/^Bearer +/i.test(authorization)) this.owners.see(accountId, authorization.slice(7).trim());
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { SharedLoginDetector } from './shared-login-detector.js';
import { BypassDetector } from './bypass-detector.js';

/** Reports to the detectors what a request shows about the client's configuration. Never changes the request. */
@Injectable()
export class ClientObserver {
  constructor(
    private readonly sharedLogins: SharedLoginDetector,
    private readonly bypass: BypassDetector,
  ) {}

  /** Notes a request for the list of models, whether or not it is served. */
  modelsRequested(): void {
    this.bypass.modelsRequested();
  }

  /** Notes a turn, over HTTP or WebSocket, whether or not it is served. */
  turnArrived(): void {
    this.bypass.turnArrived();
  }

  /** Inspects the login of an admitted request. */
  inspectLogin(headers: IncomingHttpHeaders): void {
    const accountId = headers['chatgpt-account-id'];
    const authorization = headers.authorization;
    if (typeof accountId !== 'string' || authorization === undefined) return;
    if (/^Bearer +/i.test(authorization)) this.sharedLogins.see(accountId, authorization.slice(7).trim());
  }
}

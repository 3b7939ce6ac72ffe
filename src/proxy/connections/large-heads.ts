import type { Agent, ClientRequest } from 'node:http';
import { limits } from '../../config/limits.js';

/**
 * Makes the requests of an agent accept response heads of up to `limits.headBytes`, with any number of fields. Node
 * takes both limits from the request, and the libraries that make the requests do not pass them on. Node calls
 * `addRequest` for each request before it has a socket; agents of other packages override it, too.
 */
export function withLargeHeads<T extends Agent>(agent: T): T {
  const addRequest: unknown = Reflect.get(agent, 'addRequest');
  if (typeof addRequest !== 'function') throw new TypeError('the agent takes no requests');
  const wrapped = (request: ClientRequest, ...rest: unknown[]): void => {
    request.maxHeadersCount = 0;
    Object.assign(request, { maxHeaderSize: limits.headBytes });
    Reflect.apply(addRequest, agent, [request, ...rest]);
  };
  return Object.assign(agent, { addRequest: wrapped });
}

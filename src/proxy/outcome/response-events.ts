/** The event types of the Responses API that the proxy acts on, over HTTP and WebSocket (docs/protocol.md, section 4). */

/** The first event, which names the response. */
export const CREATED_EVENT = 'response.created';

/** Events that report a refusal or a failure. */
export const failureEvents: ReadonlySet<string> = new Set(['response.failed', 'error']);

const completionEvents = ['response.completed', 'response.incomplete', 'response.done'];

/** Events that carry the token counts of the response. */
export const finalEvents: ReadonlySet<string> = new Set([...completionEvents, 'response.failed']);

/** Events after which nothing more of the response follows. */
export const endEvents: ReadonlySet<string> = new Set([...completionEvents, ...failureEvents]);

/** Whether nothing more follows after an event of this type, in the response to a turn or in an image stream. */
export function endsResponse(type: string): boolean {
  return endEvents.has(type) || /^image_\w+\.completed$/.test(type);
}

/** Whether an event contains output of the turn, or completes it: from then on its account serves. */
export function isOutput(type: string): boolean {
  return type.startsWith('response.output_') || type.endsWith('.delta') || completionEvents.includes(type);
}

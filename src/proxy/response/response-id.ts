import { limits } from '../../config/limits.js';

const idFirst = /"response"\s*:\s*\{\s*"id"\s*:\s*"([^"\\]+)"/;
const HEAD_CHARS = 512;

/** The response id in an event (`response.created`, or a final event); null if it has none. */
export function responseIdIn(data: string): string | null {
  const id = idFirst.exec(data.slice(0, HEAD_CHARS))?.[1] ?? idInside(data);
  return id !== null && id !== '' && id.length <= limits.pinnedIdChars ? id : null;
}

/** Parses the whole event only if the id does not come first, as it always has so far: events can be large. */
function idInside(data: string): string | null {
  try {
    const json: unknown = JSON.parse(data);
    const response = typeof json === 'object' && json !== null && 'response' in json ? json.response : null;
    const id = typeof response === 'object' && response !== null && 'id' in response ? response.id : null;
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}

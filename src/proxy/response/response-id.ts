import { limits } from '../../config/limits.js';

const idFirst = /"response"\s*:\s*\{\s*"id"\s*:\s*"([^"\\]+)"/;
const HEAD_CHARS = 512;

/** The id of the response that an event speaks of (`response.created`, a final event); null when it names none. */
export function responseIdIn(data: string): string | null {
  const id = idFirst.exec(data.slice(0, HEAD_CHARS))?.[1] ?? idInside(data);
  return id !== null && id !== '' && id.length <= limits.pinnedIdChars ? id : null;
}

/** Only where it does not stand first, as it always has so far: an event can be large. */
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

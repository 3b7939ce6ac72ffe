import { readAnswers, type Answer } from './answers.js';

/** The codes of a 5xx that an operator's route may give. */
const documented: ReadonlySet<string> = new Set(['database_unavailable', 'too_many_listeners', 'stopping']);

/** Returns the faults in the response of an operator's route. `isExpected`: the request was whole. */
export function operatorFindings(got: Buffer, method: string, isExpected: boolean): string[] {
  if (got.length === 0) return isExpected ? ['no answer to a whole request'] : [];
  const { answers, fault } = readAnswers(got, [method]);
  const [answer] = answers;
  if (fault !== null) return [`the answer is not HTTP: ${fault}`];
  if (answer === undefined) return isExpected ? ['an answer without an end of its head'] : [];
  const { status, headers, body } = answer;
  const type = headers.get('content-type')?.join() ?? '';
  if (status < 400) {
    if (type.startsWith('text/event-stream')) return eventFindings(answer, method);
    return answer.isWhole || !isExpected ? [] : [`an answer that does not end: ${status}`];
  }
  if (method === 'HEAD') return status === 500 ? ['an internal error'] : [];
  const code = codeIn(body);
  const said = `${status} ${body.subarray(0, 200).toString('latin1')}`;
  if (!/^application\/(problem\+)?json\b/.test(type)) return [`a refusal with content-type ${type}: ${said}`];
  if (code === null) return [`a refusal without a code: ${said}`];
  return status >= 500 && !documented.has(code) ? [`a fault: ${said}`] : [];
}

/** The first event is the whole view, since no id of the fuzz is of this run. */
function eventFindings({ body }: Answer, method: string): string[] {
  const text = body.toString('utf8');
  if (method === 'HEAD' || /^id: [\w-]+\nevent: snapshot\ndata: \{/.test(text)) return [];
  return [`an event stream that begins otherwise: ${JSON.stringify(text.slice(0, 200))}`];
}

/** The code of a problem, or of the boundary's refusal; null for any other answer. */
function codeIn(body: Buffer): string | null {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    const inError = fieldOf(json, 'error');
    const code = fieldOf(json, 'code') ?? fieldOf(inError, 'code');
    return typeof code === 'string' && /^[a-z_]+$/.test(code) ? code : null;
  } catch {
    return null;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([it]) => it === name)?.[1]
    : null;
}

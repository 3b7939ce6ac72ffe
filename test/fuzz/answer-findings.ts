import type { Answer, ReadAnswers } from './answers.js';

/** Returns the faults in the responses on one connection. */
export function answerFindings({ answers, fault }: ReadAnswers, methods: readonly string[]): string[] {
  const findings = answers.flatMap((it, index) => findingsOf(it, methods[index] ?? ''));
  return fault === null ? findings : [...findings, `the answer is not HTTP: ${fault}`];
}

function findingsOf(answer: Answer, method: string): string[] {
  const { status, headers, body, isWhole } = answer;
  const findings: string[] = [];
  const say = (text: string): void => void findings.push(`${text}: ${briefly(answer)}`);
  if (status === 401) say('an answer with status 401');
  // An answer of upstream names its account, and passes as it is.
  if (headers.has('x-codex-pool-account') || status < 400) return findings;
  if (status === 500) say('an internal error');
  const [type = 'none'] = headers.get('content-type') ?? [];
  if (!/^application\/(problem\+)?json\b/.test(type)) say(`a refusal with content-type ${type}`);
  else if (method !== 'HEAD' && isWhole && !isJson(body)) say('a refusal that is not JSON');
  return findings;
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function briefly({ status, headers, body }: Answer): string {
  const code = headers.get('x-codex-pool-error')?.join() ?? 'no code';
  return `${status} (${code}) ${JSON.stringify(body.subarray(0, 200).toString('latin1'))}`;
}

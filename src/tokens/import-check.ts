import { isAccountName } from './account-name.js';
import { type Credential, parseCredential } from './credential-file/credential.js';
import { describeDoubt, doubtAbout } from './credential-file/login-doubts.js';
import { ImportRefusedError } from './tokens.errors.js';

/** @throws ImportRefusedError when the name is invalid */
export function checkName(name: string): void {
  if (isAccountName(name)) return;
  throw new ImportRefusedError(
    'bad_name',
    'A name is 1 to 64 of the characters A–Z, a–z, 0–9, dot, underscore and hyphen, and does not begin with a dot.',
  );
}

/**
 * Returns the credential in a complete Codex `auth.json`, which is judged like a file of the pool folder.
 * @throws ImportRefusedError when the pool could not use it for long; the message quotes nothing of the document
 */
export function checkDocument(document: unknown): Credential {
  const parsed = parseCredential(asText(document));
  if (parsed.kind === 'broken') {
    const advice = parsed.code === 'not_auth_json' ? `. ${USE_WHOLE_FILE}` : '.';
    throw new ImportRefusedError(parsed.code, capitalized(parsed.reason) + advice);
  }
  const doubt = doubtAbout(parsed.credential);
  if (doubt !== null) throw new ImportRefusedError(doubt, `${capitalized(describeDoubt(doubt))}.`);
  return parsed.credential;
}

const USE_WHOLE_FILE = 'Import the complete auth.json that `codex login` wrote.';

function asText(document: unknown): string {
  try {
    return JSON.stringify(document) ?? '';
  } catch {
    // Nested too deeply for the stack.
    throw new ImportRefusedError('not_auth_json', `This is not a Codex auth.json. ${USE_WHOLE_FILE}`);
  }
}

function capitalized(clause: string): string {
  return clause.charAt(0).toUpperCase() + clause.slice(1);
}

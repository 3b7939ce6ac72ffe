import { limits } from '../../config/limits.js';
import { isRecord } from '../../runtime/is-record.js';

const CLOSING_BRACE = 0x7d;

/** The ids that a response issues: their kind, and the fields of the JSON object that have them. */
export interface Issue {
  readonly kind: 'file' | 'remote-server';
  readonly fields: readonly string[];
}

/** `file_id`, which Codex uses, and `id`, as in the public API. */
const newFile: Issue = { kind: 'file', fields: ['file_id', 'id'] };
const newServer: Issue = { kind: 'remote-server', fields: ['server_id'] };

/** Returns what the response to a request will issue; null if nothing. */
export function issueOf(method: string, path: string): Issue | null {
  if (method !== 'POST') return null;
  if (path === 'files') return newFile;
  return path === 'wham/remote/control/server/enroll' ? newServer : null;
}

/** Observes a response and reports the ids in it. Keeps at most `limits.fileResponseBytes`. */
export class IssuedIds {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly fields: readonly string[],
    private readonly onId: (id: string) => void,
  ) {}

  /** Takes the next bytes, which the client already has. It can use the ids only after this call. */
  observe(piece: Buffer): void {
    this.bytes += piece.length;
    if (this.bytes > limits.fileResponseBytes) {
      this.pieces.length = 0;
      return;
    }
    this.pieces.push(piece);
    if (!piece.includes(CLOSING_BRACE)) return;
    for (const id of idsIn(Buffer.concat(this.pieces), this.fields)) this.onId(id);
  }
}

/** Empty while the JSON is incomplete. */
function idsIn(bytes: Buffer, fields: readonly string[]): string[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return [];
  }
  if (!isRecord(json)) return [];
  return fields
    .map((it) => json[it])
    .filter((it) => typeof it === 'string')
    .filter((it) => it !== '' && it.length <= limits.pinnedIdChars);
}

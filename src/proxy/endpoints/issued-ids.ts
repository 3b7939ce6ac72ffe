import { limits } from '../../config/limits.js';
import { isRecord } from '../../runtime/is-record.js';

const CLOSING_BRACE = 0x7d;

/** Observes the response to an upload and reports the file ids in it. Keeps at most `limits.fileResponseBytes`. */
export class IssuedIds {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly onFileId: (id: string) => void) {}

  /** Takes the next bytes, which the client already has. It can use the ids only after this call. */
  observe(piece: Buffer): void {
    this.bytes += piece.length;
    if (this.bytes > limits.fileResponseBytes) {
      this.pieces.length = 0;
      return;
    }
    this.pieces.push(piece);
    if (piece.includes(CLOSING_BRACE)) for (const id of idsIn(Buffer.concat(this.pieces))) this.onFileId(id);
  }
}

/** Reads `file_id`, which Codex uses, and `id`, as in the public API. Empty while the JSON is incomplete. */
function idsIn(bytes: Buffer): string[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return [];
  }
  if (!isRecord(json)) return [];
  return [json['file_id'], json['id']]
    .filter((it) => typeof it === 'string')
    .filter((it) => it !== '' && it.length <= limits.pinnedIdChars);
}

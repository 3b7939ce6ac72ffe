import { limits } from '../../config/limits.js';

const CLOSING_BRACE = 0x7d;

/** Looks from the side at the answer to an upload, and tells the ids of the file that it names. Keeps no more than its bound. */
export class FileResponse {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly onFileId: (id: string) => void) {}

  /** Called after the bytes have gone on: what the client asks next comes later than this. */
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

/** `file_id` is what Codex reads; `id` is the form of the public API. None while the JSON is not whole. */
function idsIn(bytes: Buffer): string[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return [];
  }
  if (typeof json !== 'object' || json === null) return [];
  const named = ['file_id' in json ? json.file_id : null, 'id' in json ? json.id : null];
  return named
    .filter((it) => typeof it === 'string')
    .filter((it) => it !== '' && it.length <= limits.pinnedIdChars);
}

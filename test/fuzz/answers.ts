/** One answer as it arrived, byte for byte. */
export interface Answer {
  readonly status: number;
  /** The values of each field, by lower-case name. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  readonly isWhole: boolean;
}

export interface ReadAnswers {
  /** Final answers; interim ones (1xx) only delay them. */
  readonly answers: readonly Answer[];
  /** Bytes after a switch of protocols; null without one. */
  readonly upgraded: Buffer | null;
  /** The first bytes that are not what RFC 9112 allows there; null if none. */
  readonly fault: string | null;
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
  readonly isWhole: boolean;
  readonly fault: string | null;
}

const headEnd = Buffer.from('\r\n\r\n');
const statusLine = /^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e\x80-\xff]*$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;

/** Reads the answers on a connection strictly. `methods`: those of the requests, where they are known. */
export function readAnswers(bytes: Buffer, methods: readonly string[]): ReadAnswers {
  const answers: Answer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(headEnd, offset);
    const head = bytes.subarray(offset, end === -1 ? bytes.length : end).toString('latin1');
    const fault = faultOfHead(head, end === -1);
    if (fault !== null) return { answers, upgraded: null, fault };
    if (end === -1) break;
    const [first = '', ...lines] = head.split('\r\n');
    const status = Number(statusLine.exec(first)?.[1]);
    const headers = fieldsOf(lines);
    offset = end + headEnd.length;
    if (status === 101) return { answers, upgraded: bytes.subarray(offset), fault: null };
    if (status < 200) continue;
    const body = bodyAt(bytes, offset, status, headers, methods[answers.length] ?? '');
    offset = body.end;
    answers.push({ status, headers, body: body.bytes, isWhole: body.isWhole });
    if (body.fault !== null) return { answers, upgraded: null, fault: body.fault };
    if (!body.isWhole) break;
  }
  return { answers, upgraded: null, fault: null };
}

function faultOfHead(head: string, isCut: boolean): string | null {
  const lines = head.split('\r\n');
  if (isCut) lines.pop();
  const [first, ...rest] = lines;
  if (first === undefined) return null;
  if (!statusLine.test(first)) return `no status line: ${JSON.stringify(first.slice(0, 200))}`;
  const bad = rest.find((it) => !field.test(it));
  return bad === undefined ? null : `no header field: ${JSON.stringify(bad.slice(0, 200))}`;
}

function fieldsOf(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', value = ''] = field.exec(line) ?? [];
    fields.set(name.toLowerCase(), [...(fields.get(name.toLowerCase()) ?? []), value]);
  }
  return fields;
}

function bodyAt(
  bytes: Buffer,
  start: number,
  status: number,
  headers: ReadonlyMap<string, readonly string[]>,
  method: string,
): Body {
  const none = { bytes: Buffer.alloc(0), end: start, isWhole: true, fault: null };
  if (method === 'HEAD' || status === 204 || status === 304) return none;
  const lengths = headers.get('content-length') ?? [];
  const codings = headers.get('transfer-encoding') ?? [];
  if (codings.length > 0 && lengths.length > 0) return { ...none, fault: 'both a length and chunks' };
  if (codings.length > 0) return chunksAt(bytes, start);
  const [length] = lengths;
  if (length === undefined)
    return { ...none, bytes: bytes.subarray(start), end: bytes.length, isWhole: false };
  if (lengths.length > 1 || !/^\d+$/.test(length))
    return { ...none, fault: `content-length: ${lengths.join()}` };
  const end = start + Number(length);
  return {
    bytes: bytes.subarray(start, end),
    end: Math.min(end, bytes.length),
    isWhole: end <= bytes.length,
    fault: null,
  };
}

function chunksAt(bytes: Buffer, start: number): Body {
  const chunks: Buffer[] = [];
  const cut = (): Body => ({ bytes: Buffer.concat(chunks), end: bytes.length, isWhole: false, fault: null });
  for (let offset = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', offset);
    if (lineEnd === -1) return cut();
    const line = bytes.subarray(offset, lineEnd).toString('latin1');
    if (!/^[0-9a-fA-F]{1,8}$/.test(line))
      return { ...cut(), fault: `no chunk size: ${JSON.stringify(line.slice(0, 100))}` };
    const size = Number.parseInt(line, 16);
    const dataEnd = lineEnd + 2 + size;
    if (dataEnd + 2 > bytes.length) return cut();
    if (size === 0) {
      const trailersEnd = bytes.indexOf('\r\n', lineEnd + 2);
      if (trailersEnd === lineEnd + 2)
        return { bytes: Buffer.concat(chunks), end: trailersEnd + 2, isWhole: true, fault: null };
      const end = bytes.indexOf(headEnd, lineEnd + 2);
      if (end === -1) return cut();
      return { bytes: Buffer.concat(chunks), end: end + headEnd.length, isWhole: true, fault: null };
    }
    chunks.push(bytes.subarray(lineEnd + 2, dataEnd));
    if (bytes.subarray(dataEnd, dataEnd + 2).toString('latin1') !== '\r\n')
      return { ...cut(), fault: 'a chunk is longer than its size' };
    offset = dataEnd + 2;
  }
}

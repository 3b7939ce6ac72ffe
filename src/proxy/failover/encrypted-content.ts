import { type Node, parseTree, type ParseError } from 'jsonc-parser';

/** A request body without some of its reasoning items. */
export interface Stripped {
  readonly body: Buffer;
  /** The encrypted content of what was taken out. */
  readonly removed: readonly string[];
}

/** The encrypted content of the reasoning items in the input of a request; none when it is no such request. */
export function encryptedReasoning(body: Buffer): string[] {
  return reasoningItems(inputOf(body.toString('latin1'))).map((it) => it.content);
}

/**
 * Takes reasoning items out of the input of a request (docs/protocol.md, errors): those whose encrypted content is
 * named. Every other byte stays as it is; a `compaction` item is never touched. Null when there is nothing to take
 * out, or nothing would be left.
 */
export function withoutReasoning(body: Buffer, named: ReadonlySet<string>): Stripped | null {
  const text = body.toString('latin1'); // a byte is a character: what is not looked at comes out as it went in
  const input = inputOf(text);
  const items = input?.children ?? [];
  const removed = reasoningItems(input).filter((it) => named.has(it.content));
  if (removed.length === 0 || removed.length === items.length) return null;
  const gone = new Set(removed.map((it) => it.node));
  let kept = '';
  let lastEnd = items[0]?.offset ?? 0;
  for (const item of items) {
    // What stands before an item goes with it; the first that is left needs no comma.
    if (!gone.has(item)) kept += (kept === '' ? '' : text.slice(lastEnd, item.offset)) + textOf(text, item);
    lastEnd = item.offset + item.length;
  }
  const stripped = text.slice(0, items[0]?.offset) + kept + text.slice(lastEnd);
  return { body: Buffer.from(stripped, 'latin1'), removed: removed.map((it) => it.content) };
}

function inputOf(text: string): Node | null {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  const input = root === undefined || errors.length > 0 ? undefined : member(root, 'input');
  return input?.type === 'array' ? input : null;
}

function reasoningItems(input: Node | null): { node: Node; content: string }[] {
  return (input?.children ?? []).flatMap((node) => {
    if (member(node, 'type')?.value !== 'reasoning') return [];
    const content: unknown = member(node, 'encrypted_content')?.value;
    return typeof content === 'string' ? [{ node, content }] : [];
  });
}

function member(node: Node, name: string): Node | undefined {
  if (node.type !== 'object') return undefined;
  return node.children?.find((it) => it.children?.[0]?.value === name)?.children?.[1];
}

function textOf(text: string, { offset, length }: Node): string {
  return text.slice(offset, offset + length);
}

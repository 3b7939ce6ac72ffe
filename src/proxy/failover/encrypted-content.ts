import { type Node, parseTree, type ParseError } from 'jsonc-parser';

/** A request body without some of its reasoning items. */
export interface Stripped {
  readonly body: Buffer;
  /** The encrypted content of the removed items. */
  readonly removed: readonly string[];
}

/** Returns the encrypted content of the reasoning items in a request's input; empty if the body has no such input. */
export function encryptedReasoning(body: Buffer): string[] {
  return reasoningItems(inputOf(body.toString('latin1'))).map((it) => it.content);
}

/**
 * Removes the reasoning items with this encrypted content from a request's input (docs/protocol.md, errors). All other
 * bytes stay unchanged, and so do `compaction` items. Null if nothing matches, or if the input would be empty.
 */
export function withoutReasoning(body: Buffer, named: ReadonlySet<string>): Stripped | null {
  const text = body.toString('latin1'); // one character per byte, so that all other bytes survive unchanged
  const input = inputOf(text);
  const items = input?.children ?? [];
  const removed = reasoningItems(input).filter((it) => named.has(it.content));
  if (removed.length === 0 || removed.length === items.length) return null;
  const gone = new Set(removed.map((it) => it.node));
  let kept = '';
  let lastEnd = items[0]?.offset ?? 0;
  for (const item of items) {
    // The separator before an item is removed with it; the first remaining item needs none.
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

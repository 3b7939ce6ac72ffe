import { readFileSync } from 'node:fs';
import { projectFolder } from './ops-files.js';

const DOCUMENT = `${projectFolder}docs/operations.md`;

/** Returns the text of docs/operations.md. */
export function operationsDocument(): string {
  return readFileSync(DOCUMENT, 'utf8');
}

/** Returns the first block of a language below a heading of docs/operations.md. @throws Error if that has no such block */
export function blockBelow(heading: string, language: string): string {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(below(heading))?.[1];
  if (block === undefined)
    throw new Error(`docs/operations.md has no block in ${language} below "${heading}"`);
  return block;
}

/** Replaces a text that must be there exactly once. @throws Error if it is not */
export function replaced(text: string, was: string, becomes: string): string {
  const parts = text.split(was);
  if (parts.length !== 2) throw new Error(`"${was}" occurs ${parts.length - 1} times`);
  return parts.join(becomes);
}

/** Returns the rows of the first table below a heading, without backticks. */
export function tableRows(heading: string): string[][] {
  const table = /^\|.*(?:\n\|.*)*/m.exec(below(heading))?.[0] ?? '';
  const rows = table.split('\n').slice(2); // after the head and its line
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((it) => it.replaceAll('`', '').trim()),
  );
}

/** Returns all text below a heading, up to the end of the document; empty if there is no such heading. */
function below(heading: string): string {
  return operationsDocument().split(new RegExp(`^#+ ${heading}$`, 'm'))[1] ?? '';
}

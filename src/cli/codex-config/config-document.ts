import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { CommandError } from '../command/command-error.js';

/** A range of characters: from the first to before the second. */
export type Range = readonly [number, number];

/** A key with its value, as the source has it. */
export interface Entry {
  /** Names from the root of the file, such as `['model_providers', 'azure', 'name']`; numbers are places in arrays of tables. */
  readonly path: readonly (string | number)[];
  /** How many of the names belong to the header of its table; 0 above the first header. */
  readonly depth: number;
  readonly range: Range;
  readonly value: Range;
  /** Source text of the value. */
  readonly source: string;
  /** The value, if it is a string. */
  readonly string: string | null;
  readonly isInlineTable: boolean;
}

/** A `[header]` with the entries below it. */
export interface Table {
  readonly path: readonly (string | number)[];
  readonly isArray: boolean;
  readonly header: Range;
  readonly entries: readonly Entry[];
}

/** A parsed `config.toml` with the places of everything in its source. */
export class ConfigDocument {
  private constructor(
    /** Names the file in errors. */
    readonly path: string,
    readonly text: string,
    /** Entries above the first header. */
    readonly root: readonly Entry[],
    readonly tables: readonly Table[],
    readonly comments: readonly Range[],
  ) {}

  /**
   * Parses TOML 1.1.
   * @throws CommandError with line and column of the fault
   */
  static parse(path: string, text: string): ConfigDocument {
    const program = parsed(path, text);
    const root: Entry[] = [];
    const tables: Table[] = [];
    for (const node of program.body[0].body) {
      if (node.type === 'TOMLKeyValue') root.push(entryOf(text, [], node));
      else tables.push(tableOf(text, node));
    }
    return new ConfigDocument(
      path,
      text,
      root,
      tables,
      program.comments.map((it) => it.range),
    );
  }

  /** The table with exactly this header, if it is no array of tables. */
  table(path: readonly string[]): Table | null {
    return this.tables.find((it) => !it.isArray && samePath(it.path, path)) ?? null;
  }

  /** The entry of a key in the table with this header, or above the first header for an empty path. */
  entry(table: readonly string[], key: string): Entry | null {
    const entries = table.length === 0 ? this.root : (this.table(table)?.entries ?? []);
    return entries.find((it) => samePath(it.path, [...table, key])) ?? null;
  }

  /** All entries of the file, in its order. */
  get entries(): readonly Entry[] {
    return [...this.root, ...this.tables.flatMap((it) => it.entries)];
  }

  /** The line of a character, from 1. */
  lineAt(offset: number): number {
    return this.text.slice(0, offset).split('\n').length;
  }
}

/** Whether two paths are equal. */
export function samePath(one: readonly (string | number)[], other: readonly (string | number)[]): boolean {
  return one.length === other.length && one.every((it, at) => it === other[at]);
}

/** Whether an entry has a value of ours, however it is quoted. `source`: a JSON string, or a bare value. */
export function hasValue(entry: Entry, source: string): boolean {
  return entry.string === null ? entry.source === source : JSON.stringify(entry.string) === source;
}

function parsed(path: string, text: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.1' });
  } catch (error) {
    if (error instanceof ParseError) {
      throw new CommandError(
        `${path} is not valid TOML: ${error.message} (line ${error.lineNumber}, column ${error.column + 1}). Correct it first; Codex does not start with it either. Nothing was changed.`,
      );
    }
    if (error instanceof RangeError) {
      throw new CommandError(`${path} is nested too deeply to be edited. Nothing was changed.`);
    }
    throw error;
  }
}

function tableOf(text: string, node: AST.TOMLTable): Table {
  return {
    path: node.resolvedKey,
    isArray: node.kind === 'array',
    header: [node.range[0], text.indexOf(']', node.key.range[1]) + (node.kind === 'array' ? 2 : 1)],
    entries: node.body.map((it) => entryOf(text, node.resolvedKey, it)),
  };
}

function entryOf(text: string, table: readonly (string | number)[], node: AST.TOMLKeyValue): Entry {
  const { value } = node;
  return {
    path: [...table, ...namesOf(node.key)],
    depth: table.length,
    range: node.range,
    value: value.range,
    source: text.slice(...value.range),
    string: value.type === 'TOMLValue' && value.kind === 'string' ? value.value : null,
    isInlineTable: value.type === 'TOMLInlineTable',
  };
}

function namesOf(key: AST.TOMLKey): string[] {
  return key.keys.map((it) => (it.type === 'TOMLBare' ? it.name : it.value));
}

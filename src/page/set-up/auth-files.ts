/** A file as the browser hands it over. */
export interface ChosenFile {
  readonly name: string;
  readonly size: number;
  text(): Promise<string>;
}

/** The state of one chosen file: ready to be sent, or refused before that. */
export type ReadFile =
  | {
      readonly kind: 'ready';
      readonly file: string;
      readonly item: { readonly name: string | null; readonly auth: unknown };
    }
  | { readonly kind: 'refused'; readonly file: string; readonly detail: string };

/** The most files of one drop, and the most bytes of one file; the API has the same bounds. */
export const MOST_FILES = 100;
const MOST_BYTES = 1_000_000;
const MOST_NAME_CHARS = 200;

/** Reads the chosen files. The account gets the file's name; for `auth.json` the program chooses one. */
export async function readAuthFiles(files: readonly ChosenFile[]): Promise<ReadFile[]> {
  const read = await Promise.all(files.slice(0, MOST_FILES).map(readOne));
  const more = files.length - MOST_FILES;
  if (more <= 0) return read;
  return [...read, { kind: 'refused', file: `${more} more`, detail: `At most ${MOST_FILES} files at once.` }];
}

async function readOne(file: ChosenFile): Promise<ReadFile> {
  const name = file.name.slice(0, MOST_NAME_CHARS);
  const refused = (detail: string): ReadFile => ({ kind: 'refused', file: name, detail });
  if (file.size > MOST_BYTES) return refused('Larger than 1 MB: not an auth.json.');
  try {
    const auth: unknown = JSON.parse(await file.text());
    if (typeof auth !== 'object' || auth === null || Array.isArray(auth))
      return refused('Not an auth.json: no JSON object.');
    return { kind: 'ready', file: name, item: { name: accountName(name), auth } };
  } catch (error) {
    // The parser's message quotes the file, and so its tokens.
    return refused(error instanceof SyntaxError ? 'Not valid JSON.' : 'The file could not be read.');
  }
}

/** Returns the name of the account for a file; null for `auth.json`, also as a second copy of a download. */
export function accountName(file: string): string | null {
  const stem = file.replace(/\.json$/i, '');
  return /^auth(?: ?\(\d+\))?$/i.test(stem) || stem === '' ? null : stem;
}

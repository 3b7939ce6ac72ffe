export const views = ['now', 'turns', 'use', 'sessions', 'set-up'] as const;
export type View = (typeof views)[number];

/** Changes to the parameters of an address. Null or empty text removes one. */
export type Params = Readonly<Record<string, string | null>>;

/** Returns the view that an address shows; `now` if it names none that exists. */
export function viewIn(query: URLSearchParams): View {
  return views.find((it) => it === query.get('view')) ?? 'now';
}

/** Returns the address with changed parameters. One that names a view has only the parameters that are given. */
export function hrefWith(query: URLSearchParams, changes: Params): string {
  const after = new URLSearchParams('view' in changes ? '' : query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '' || (name === 'view' && value === 'now')) after.delete(name);
    else after.set(name, value);
  }
  const text = after.toString();
  return text === '' ? '/' : `/?${text}`;
}

/** Variants of a path that a server may treat as the same path. */
export function spellingsOf(path: string): string[] {
  const escaped = path.replace(/\w(?=\w*$)/g, (it) => `%${it.charCodeAt(0).toString(16)}`);
  const endings = ['/', '//', '/.', '/./', '#', '#/x', ';', ';v=1', '%00', '%2F', '\\'];
  return [
    path,
    ...endings.map((it) => path + it),
    escaped,
    escaped.toUpperCase().replaceAll(/(?<!%.?)[A-Z](?!%)/g, (it) => it.toLowerCase()),
    `${escaped}/`,
    path.replace('wham', '%77ham'),
    path.replaceAll('-', '%2D'),
    path.replaceAll('-', '%2d'),
    path.replace(/\/(?=\w+$)/, '%2f'),
    path.replace(/\/(?=\w+$)/, '//'),
    path.replace(/\/(?=\w+$)/, '/x/../'),
    path.replace(/\/(?=\w+$)/, '/x/%2E%2e/'),
    path.replace(/\/(?=\w+$)/, '\\'),
  ];
}

/**
 * Whether every server reads a path in the same way: no dot segments, empty segments, backslashes or control
 * characters, encoded or not. Otherwise upstream could serve a different path from the one we checked.
 */
export function isCanonicalPath(path: string): boolean {
  if (!path.startsWith('/')) return false;
  if (!/[%\\#;]|\/\/|\/\.|[^\x21-\x7e]/.test(path)) return true;
  // An unnecessary escape respells a known path, and upstream would decode it.
  if (/[#;]|%(23|2d|2e|3\d|3b|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i.test(path)) return false;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return false;
  }
  if (/%2f|%5c/i.test(path) || hasControlCharacter(decoded) || decoded.includes('\\')) return false;
  const segments = decoded.slice(1).split('/');
  return segments.every(
    (it, index) =>
      it !== '.' && it !== '..' && (it !== '' || (index === segments.length - 1 && !decoded.endsWith('//'))),
  );
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

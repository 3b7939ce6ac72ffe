const NAME = /^(?!\.)[A-Za-z0-9._-]{1,64}$/;

/** Returns whether an account may have this name, which becomes a file name and part of a URL. */
export function isAccountName(name: string): boolean {
  return NAME.test(name);
}

/** The part of the library that is used here; it brings no types of its own. */
declare module 'fs-native-extensions' {
  /** Whether the lock on an open file was granted. It ends when the file is closed, and with the process. */
  export function tryLock(fd: number): boolean;
}
